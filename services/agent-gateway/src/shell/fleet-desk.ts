/**
 * Agents' own logs, collected when a person asks for them: the agent sends an archive in frames, which go into the store of objects
 * as they come, in order and within a bound. Each request ends with one word in the log: where the archive is, or why there is none.
 */
import type { Objects } from '@waybill/objects';
import { type Clock, isOutage, type Logger, type Timer } from '@waybill/process';
import { type AgentEvent, agentDraft, bundleObject, type wire } from '@waybill/protocol';
import { limits } from '../domain/limits.ts';
import { agentLane, type FactWriter } from './fact-writer.ts';
import type { Registry, Seat } from './registry.ts';

export type LogsRequest = Extract<AgentEvent, { type: 'logs_requested' }>;
export type BundleFrame = Extract<
  wire.AgentMessage,
  { type: 'fleet.bundle.chunk' | 'fleet.bundle.error' }
>;

export type FleetDesk = Readonly<{
  /** A person asks; nothing happens where the agent is not here. */
  asked(request: LogsRequest): void;
  /** Settles when the bytes are on their way to the store: what they wait for makes their agent wait. */
  take(seat: Seat, frame: BundleFrame): Promise<void> | undefined;
}>;

type Deps = Readonly<{
  objects: Objects | undefined;
  registry: Registry;
  facts: FactWriter;
  /** As `<id>/<start>`. */
  gateway: string;
  clock: Clock;
  log: Logger;
}>;

class BundleFailed extends Error {}

export function openFleetDesk(deps: Deps): FleetDesk {
  const { objects, registry, facts, gateway, clock, log } = deps;
  const open = new Map<string, Collection>();

  const tell = (request: LogsRequest, type: 'logs_collected' | 'logs_failed', about: object) => {
    const { org, body } = request;
    const { agentId, requestId } = body;
    const id = `${org}:logs:${requestId}`;
    const text = JSON.stringify({ requestId, ...about });
    const draft = agentDraft({ org, agentId, type, id, gateway, body: text });
    return facts.within(agentLane({ org, agentId }), () => facts.store(draft));
  };
  const collect = async (request: LogsRequest, seat: Seat): Promise<void> => {
    const { org, body } = request;
    const { requestId, agentId, hours, maxBytes } = body;
    if (objects === undefined) throw new BundleFailed('there is no storage to put it into');
    const collection = openCollection(seat, maxBytes + limits.bundleOverheadBytes, clock);
    open.set(requestId, collection);
    seat.send({ type: 'fleet.logs.request', requestId, logWindowHours: hours, maxBytes });
    try {
      const name = bundleObject(org, agentId, requestId);
      const entry = await objects.write(name, collection.bytes(), {
        mediaType: 'application/zip',
        labels: { agentId: agentId.slice(0, 256) },
      });
      const { key, sizeBytes, sha256 } = entry;
      await tell(request, 'logs_collected', { key, sizeBytes, sha256 });
    } finally {
      open.delete(requestId);
      collection.end();
    }
  };

  return {
    asked: (request) => {
      const { org, body } = request;
      const seat = registry.seatOf({ org, agentId: body.agentId });
      if (seat === undefined || open.has(body.requestId)) return;
      const work =
        open.size < limits.bundlesMax
          ? collect(request, seat)
          : Promise.reject(new BundleFailed('too many logs are collected at once'));
      work
        .catch(async (error: unknown) => {
          if (!(error instanceof BundleFailed) && !isOutage(error))
            log.error({ agent: body.agentId, err: error }, 'logs of an agent were not collected');
          const message =
            error instanceof BundleFailed ? error.message : 'the archive could not be stored';
          await tell(request, 'logs_failed', { message });
        })
        .catch((error: unknown) => log.warn({ err: error }, 'nobody was told of an agent’s logs'));
    },
    take: (seat, frame) => {
      const { requestId, type } = frame;
      const collection = open.get(requestId);
      if (collection?.seat === seat) return collection.take(frame);
      const detail = `${type}: nobody has asked for it, or not any more`;
      seat.violation('unasked-bundle', detail, { frame: type });
      return undefined;
    },
  };
}

type Collection = Readonly<{
  seat: Seat;
  take(frame: BundleFrame): Promise<void> | undefined;
  /** Fails where a frame is missing or too much, where the agent says so, falls silent or goes away. */
  bytes(): AsyncIterable<Uint8Array>;
  /** Nobody takes any more of it. */
  end(): void;
}>;

type Part = Readonly<{ bytes: Uint8Array; taken: () => void }>;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

function openCollection(seat: Seat, bytesMax: number, clock: Clock): Collection {
  const parts: Part[] = [];
  let next = Promise.withResolvers<void>();
  let ended: 'whole' | BundleFailed | undefined;
  let seq = 0;
  let bytes = 0;
  let heardMs = clock.monotonicMs();

  const wake = (): void => next.resolve();
  const finish = (how: NonNullable<typeof ended>): void => {
    ended ??= how;
    wake();
  };
  const watch: Timer = clock.every(limits.bundleLookMs, () => {
    if (!seat.isOpen()) finish(new BundleFailed('the agent has left'));
    else if (clock.monotonicMs() - heardMs > limits.bundleSilenceMs)
      finish(new BundleFailed('the agent does not send it'));
  });
  const end = (): void => {
    watch.cancel();
    ended ??= new BundleFailed('it was given up');
    for (const { taken } of parts.splice(0)) taken();
  };

  const take = (frame: BundleFrame): Promise<void> | undefined => {
    heardMs = clock.monotonicMs();
    if (ended !== undefined) return undefined;
    if (frame.type === 'fleet.bundle.error') {
      finish(new BundleFailed(`the agent says: ${frame.message.slice(0, 500)}`));
      return undefined;
    }
    const part = Buffer.from(frame.dataB64, 'base64');
    bytes += part.length;
    const problem =
      frame.seq !== seq
        ? `frame ${seq} was to come, and ${frame.seq} came`
        : bytes > bytesMax
          ? `it is larger than ${bytesMax} bytes`
          : BASE64.test(frame.dataB64)
            ? undefined
            : 'a frame is not base64';
    if (problem !== undefined) {
      finish(new BundleFailed(problem));
      return undefined;
    }
    seq += 1;
    const taken = Promise.withResolvers<void>();
    parts.push({ bytes: part, taken: taken.resolve });
    if (frame.isLast) finish('whole');
    wake();
    return taken.promise;
  };
  const all = async function* (): AsyncGenerator<Uint8Array> {
    for (;;) {
      const part = parts.shift();
      if (part !== undefined) {
        yield part.bytes;
        part.taken();
      } else if (ended === 'whole') return;
      else if (ended !== undefined) throw ended;
      else {
        next = Promise.withResolvers();
        await next.promise;
      }
    }
  };
  return { seat, take, bytes: all, end };
}
