/**
 * One dashboard on the upstream feed: first all runs as they stand, then every message behind that, with no gap between. Where one
 * may have arisen it is told all runs again. Who does not read is closed with 1013 and comes back.
 */
import { type Heard, NewerVersion } from '@waybill/journal';
import { allSubjects, subjects } from '@waybill/protocol';
import type { WebSocket } from 'ws';
import type { ApiContext } from './api-context.ts';
import type { UpstreamSnapshot } from './upstream-snapshot.ts';

export type UpstreamClient = Readonly<{
  close(code: number, reason: string): void;
  readonly closed: Promise<void>;
}>;

const TRY_LATER = 1013;
const pongsMissedMax = 2;
const closeGraceMs = 2_000;

export function openUpstreamClient(
  ws: WebSocket,
  api: ApiContext,
  snapshot: () => Promise<UpstreamSnapshot>,
): UpstreamClient {
  const { clock, log, bounds } = api;
  const closed = Promise.withResolvers<void>();
  const behind = openBacklog(bounds.upstreamUnsentBytes);
  /** From the beginning: what is heard before the first replay waits behind it too. */
  let isReplaying = true;
  let isWanted = false;
  let isUnderWay = false;
  let toldSeq = 0;
  let pongsMissed = 0;

  const isOpen = (): boolean => ws.readyState === ws.OPEN;
  const close = (code: number, reason: string): void => {
    if (!isOpen()) return;
    ws.close(code, reason);
    // Who does not read does not answer either.
    clock.after(closeGraceMs, () => ws.terminate(), { background: true });
  };
  const tooSlow = (): void => {
    log.info('a reader of the upstream feed was cut off: it takes nothing');
    close(TRY_LATER, 'the reader is too slow');
  };
  const send = (body: Uint8Array): void => {
    if (!isOpen()) return;
    if (ws.bufferedAmount > bounds.upstreamUnsentBytes) tooSlow();
    else ws.send(body, { binary: false });
  };

  /** Resolves when it has left, or never will. */
  const written = async (text: string): Promise<void> => {
    const gone = Promise.withResolvers<void>();
    const stalled = clock.after(bounds.upstreamStallMs, () => {
      tooSlow();
      gone.resolve();
    });
    ws.send(text, () => gone.resolve());
    await gone.promise;
    stalled.cancel();
  };
  const replay = async (): Promise<void> => {
    while (isWanted && isOpen()) {
      isWanted = false;
      const { seq, text } = await snapshot();
      if (isWanted || !isOpen()) continue;
      toldSeq = seq;
      await written(text);
    }
    for (const heard of behind.take()) if (heard.seq > toldSeq) send(heard.body);
    isReplaying = false;
    isUnderWay = false;
  };
  /** All runs once more; what is heard meanwhile waits behind them. */
  const begin = (): void => {
    isWanted = true;
    isReplaying = true;
    if (isUnderWay) return;
    isUnderWay = true;
    replay().catch((error: unknown) => {
      if (error instanceof NewerVersion) api.fail(error);
      log.warn({ err: error }, 'runs could not be told to a reader of the upstream feed');
      close(TRY_LATER, 'the runs cannot be read now');
    });
  };
  const hear = ({ subject, header, body }: Heard): void => {
    if (subject === allSubjects.upstreamBegun) return begin();
    const seq = Number(header('wb-seq'));
    if (isReplaying) {
      if (!behind.add({ seq, body })) tooSlow();
    } else if (seq > toldSeq) send(body);
  };

  const open = async (): Promise<void> => {
    const listening = await api.journal.listen({
      subjects: [subjects.upstreamOf(api.org), allSubjects.upstreamBegun],
      onMessage: hear,
      onGap: begin,
    });
    void closed.promise.then(listening.stop);
    begin();
  };
  const pings = clock.every(
    bounds.upstreamPingMs,
    () => {
      if (pongsMissed >= pongsMissedMax) return ws.terminate();
      pongsMissed += 1;
      ws.ping();
    },
    { background: true },
  );
  ws.on('pong', () => {
    pongsMissed = 0;
  });
  // What a reader says is nothing to us, but that it lives.
  ws.on('message', () => {
    pongsMissed = 0;
  });
  ws.on('error', (error) => log.debug({ err: error }, 'a socket of the upstream feed is broken'));
  ws.once('close', () => {
    pings.cancel();
    closed.resolve();
  });
  open().catch((error: unknown) => {
    log.warn({ err: error }, 'the upstream feed cannot be listened to');
    close(TRY_LATER, 'the log is not there now');
  });
  return { close, closed: closed.promise };
}

type Behind = Readonly<{ seq: number; body: Uint8Array }>;

/** What waits for a replay to be told, in its order and within a bound. */
function openBacklog(bytesMax: number) {
  let waiting: Behind[] = [];
  let bytes = 0;
  return {
    /** False when it is one too many. */
    add: (heard: Behind): boolean => {
      bytes += heard.body.length;
      waiting.push(heard);
      return bytes <= bytesMax;
    },
    take: (): readonly Behind[] => {
      const all = waiting;
      waiting = [];
      bytes = 0;
      return all;
    },
  };
}
