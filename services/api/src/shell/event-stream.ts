/**
 * Server-sent events: one client's stream over a hijacked response. Written in order, never faster than the client takes it:
 * who takes nothing for a while is cut off and resumes by its last id. All of them end when the service stops.
 */
import type { Clock, Logger } from '@waybill/process';
import type { FastifyReply } from 'fastify';
import type { Limits } from '../domain/limits.ts';

export type ServerEvent = Readonly<{ id?: string; event?: string; data: unknown }>;

export type EventStream = Readonly<{
  /** Waits for room. Does nothing once the stream is closed. */
  write(event: ServerEvent): void | Promise<void>;
  close(): void;
  /** Whoever ended it, client or server. */
  readonly closed: Promise<void>;
  isOpen(): boolean;
}>;

type StreamDeps = Readonly<{ clock: Clock; log: Logger; bounds: Limits }>;

/** How many streams may be open at once, and the end of all of them. */
export type StreamSeats = Readonly<{
  isFull(): boolean;
  open(reply: FastifyReply): EventStream;
  closeAll(): void;
}>;

export function streamSeats(o: StreamDeps): StreamSeats {
  const streams = new Set<EventStream>();
  return {
    isFull: () => streams.size >= o.bounds.sseClients,
    open: (reply) => {
      const stream = openEventStream(reply, o);
      streams.add(stream);
      void stream.closed.then(() => streams.delete(stream));
      return stream;
    },
    closeAll: () => {
      for (const stream of streams) stream.close();
    },
  };
}

export function openEventStream(
  reply: FastifyReply,
  { clock, log, bounds }: StreamDeps,
): EventStream {
  reply.hijack();
  const { raw } = reply;
  const closed = Promise.withResolvers<void>();
  let open = true;
  raw.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
    'x-request-id': reply.request.id,
  });
  // The first bytes, so that a client and whatever stands between know that it is open.
  raw.write(': open\n\n');
  const heartbeat = clock.every(bounds.sseHeartbeatMs, () => raw.write(': alive\n\n'), {
    background: true,
  });
  const ended = (): void => {
    if (!open) return;
    open = false;
    heartbeat.cancel();
    closed.resolve();
  };
  raw.once('close', ended);
  raw.once('error', ended);

  const room = async (): Promise<void> => {
    const drained = Promise.withResolvers<void>();
    const onDrain = (): void => drained.resolve();
    raw.once('drain', onDrain);
    const stalled = clock.after(bounds.sseStallMs, () => {
      log.info(
        { requestId: reply.request.id },
        'a stream of events was cut off: its client takes nothing',
      );
      raw.destroy();
      drained.resolve();
    });
    await Promise.race([drained.promise, closed.promise]);
    stalled.cancel();
    raw.removeListener('drain', onDrain);
  };
  return {
    write: (event) => {
      if (!open) return;
      const flows = raw.write(textOf(event));
      return !flows && raw.writableLength > bounds.sseBufferBytes ? room() : undefined;
    },
    close: () => {
      if (!open) return;
      raw.end();
      ended();
    },
    closed: closed.promise,
    isOpen: () => open,
  };
}

/** JSON has no line breaks, so the data is one line. */
const textOf = ({ id, event, data }: ServerEvent): string =>
  `${id === undefined ? '' : `id: ${id}\n`}${event === undefined ? '' : `event: ${event}\n`}data: ${JSON.stringify(data)}\n\n`;
