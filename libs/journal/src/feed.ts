/**
 * Keeps a reader attached for ever: every message once, strictly in order, none skipped, across lost connections, server
 * restarts and consumers that vanish. Before each attachment it verifies that the log is still the one it stands in.
 */
import { Outage } from '@waybill/process';
import type { StreamName } from '@waybill/protocol';
import { type AttachmentOptions, openAttachments } from './attachments.ts';
import type { LogName, Stored } from './bucket.ts';
import { openIntake } from './intake.ts';
import type { Lookup } from './lookup.ts';
import { type Position, positionOf, verifyPosition } from './position.ts';

export type Reader = Readonly<{
  /** Of the last message whose handling is complete; what it was started from before the first. */
  position(): Position | undefined;
  seq(): number;
  /** Messages that exist and are not handled yet, as far as the server has told. */
  lag(): number;
  /** What existed at the start has been handled. Rejects when the reader ends before. */
  caughtUp: Promise<void>;
  /** Lets the handler of the current batch finish. Not to be awaited inside that handler. */
  stop(): Promise<void>;
}>;

export type FeedOptions<S extends LogName = StreamName> = AttachmentOptions<S> &
  Readonly<{
    lookup: Lookup;
    from: Position | undefined;
    batchMax: number;
    lingerMs?: number | undefined;
    handle: (messages: readonly Stored<S>[], signal: AbortSignal) => void | Promise<void>;
    onCaughtUp?: ((seq: number) => void) | undefined;
    onFailure: (error: Error) => void;
  }>;

export async function openFeed<S extends LogName>(o: FeedOptions<S>): Promise<Reader> {
  const ending = new AbortController();
  const caughtUp = Promise.withResolvers<void>();
  caughtUp.promise.catch(() => undefined);
  let identity = o.from?.identity;

  const end = (error: Error): void => {
    if (ending.signal.aborted) return;
    ending.abort(error);
    void intake.close();
    attachments.close();
    caughtUp.reject(error);
  };
  const fail = (error: unknown): void => {
    if (ending.signal.aborted) return;
    const failure = error instanceof Error ? error : new Error(String(error));
    end(failure);
    o.onFailure(failure);
  };
  const intake = openIntake<S>({
    clock: o.connection.clock,
    startSeq: o.from?.seq ?? 0,
    batchMax: o.batchMax,
    lingerMs: o.lingerMs ?? 0,
    handle: (messages) => o.handle(messages, ending.signal),
    onCaughtUp: (seq) => {
      caughtUp.resolve();
      o.onCaughtUp?.(seq);
    },
    onRoom: () => attachments.refill(),
    onFailure: fail,
  });
  const position = (): Position | undefined => {
    const last = intake.last();
    return last === undefined || identity === undefined ? o.from : positionOf(identity, last);
  };
  const attachments = openAttachments(o, intake, ending.signal, {
    verify: async () => {
      const info = await verifyPosition(o.connection, o.lookup, o.stream, position());
      identity ??= info.identity;
    },
    onFailure: fail,
  });

  await attachments.first().catch((error: unknown) => {
    end(error instanceof Error ? error : new Error(String(error)));
    throw error;
  });
  return {
    position,
    seq: intake.seq,
    lag: intake.lag,
    caughtUp: caughtUp.promise,
    stop: () => {
      end(new Outage('reader-stopped', 'the reader was stopped'));
      return intake.close();
    },
  };
}
