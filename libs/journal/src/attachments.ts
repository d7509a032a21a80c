/**
 * One attachment to the server after the other, for as long as a reader lives: verifies, attaches, and starts again after
 * every trouble from what is not handled yet.
 */
import { backoffMs, type Clock, isOutage } from '@waybill/process';
import type { StreamName } from '@waybill/protocol';
import type { LogName } from './bucket.ts';
import type { Connection } from './connection.ts';
import type { Intake } from './intake.ts';
import { isLogRegressed } from './journal-error.ts';
import { openPull, type Pull, type Trouble } from './pull.ts';

export type Attachment = Readonly<{ consumer: string; deliverySeq: number; pending: number }>;

export type AttachmentOptions<S extends LogName = StreamName> = Readonly<{
  connection: Connection;
  stream: S;
  /** Makes a consumer of the server deliver everything from this sequence on. */
  attach: (nextSeq: number) => Promise<Attachment>;
  detach?: (consumer: string) => void;
  /** The consumer counts acknowledgements, and outlives its reader. */
  durable?: boolean;
}>;

export type Attachments = Readonly<{
  /** A wrong set-up is the caller's to hear; an outage gets a while. */
  first(): Promise<void>;
  refill(): void;
  close(): void;
}>;

export type AttachmentHooks = Readonly<{
  verify: () => Promise<void>;
  onFailure: (error: unknown) => void;
}>;

const startDeadlineMs = 30_000;

/** Until the signal. */
export function openAttachments<S extends LogName>(
  o: AttachmentOptions<S>,
  intake: Intake<S>,
  signal: AbortSignal,
  hooks: AttachmentHooks,
): Attachments {
  const { clock, log } = o.connection;
  const pace = attachmentPace(clock);
  let pull: Pull | undefined;
  let consumer: string | undefined;
  let attaching = true;

  const refill = (): void => {
    const room = pull === undefined ? 0 : intake.room(pull.outstanding());
    if (room > 0) pull?.request(room);
  };
  const drop = (): void => {
    pull?.close();
    pull = undefined;
    if (consumer !== undefined) o.detach?.(consumer);
    consumer = undefined;
  };
  const attachOnce = async (): Promise<void> => {
    await o.connection.whenConnected(signal);
    await hooks.verify();
    const nextSeq = intake.rewind();
    const attachment = await o.attach(nextSeq);
    ({ consumer } = attachment);
    log.debug({ stream: o.stream, nextSeq, ...attachment }, 'attached to the log');
    if (signal.aborted) {
      drop();
      throw signal.reason;
    }
    const opened = openPull({
      connection: o.connection,
      stream: o.stream,
      consumer,
      deliverySeq: attachment.deliverySeq,
      pending: attachment.pending,
      shared: o.durable === true,
      onDelivery: (delivery) =>
        intake.take(delivery, o.durable === true ? opened.acknowledge : undefined),
      onEnded: refill,
      onIdle: intake.idle,
      onTrouble: interrupted,
    });
    pull = opened;
    intake.attached(attachment.pending);
    refill();
  };
  const attach = async (endsAtMs: number): Promise<void> => {
    attaching = true;
    for (let attempt = 1; ; attempt++) {
      try {
        await attachOnce();
        attaching = false;
        // The connection may have gone while nobody was listening for it.
        if (!o.connection.connected())
          interrupted({ reason: 'the connection was lost', moved: false });
        return;
      } catch (error) {
        if (signal.aborted || isLogRegressed(error) || isClosed(error)) throw error;
        // Later on, what looks like a wrong set-up may be a cluster that has not found itself again.
        const isFirst = endsAtMs !== Number.POSITIVE_INFINITY;
        if (isFirst && (!isOutage(error) || clock.monotonicMs() > endsAtMs)) throw error;
        log.warn({ err: error, stream: o.stream, attempt }, 'the log cannot be read, trying again');
        await clock.sleep(backoffMs(attempt, backoff), signal);
      }
    }
  };
  const interrupted = (trouble: Trouble): void => {
    if (signal.aborted || attaching) return;
    attaching = true;
    const at = { stream: o.stream, consumer, seq: intake.seq() };
    log.warn({ reason: trouble.reason, ...at }, 'reading is interrupted, attaching again');
    drop();
    clock
      .sleep(pace(trouble, intake.seq()), signal)
      .then(() => attach(Number.POSITIVE_INFINITY))
      .catch(hooks.onFailure);
  };
  const stopListening = o.connection.onDrop(() =>
    interrupted({ reason: 'the connection was lost', moved: false }),
  );

  return {
    first: () => attach(clock.monotonicMs() + startDeadlineMs),
    refill,
    close: () => {
      stopListening();
      drop();
    },
  };
}

const isClosed = (error: unknown): boolean => isOutage(error) && error.code === 'journal-closed';

const backoff = { baseMs: 50, capMs: 2_000, random: Math.random };
const quietMs = 60_000;

/**
 * How long to wait after a trouble: not at all when there was progress since the last. Where another reader took the
 * messages, a while of chance, so that two do not take them from each other for ever.
 */
function attachmentPace(clock: Clock): (trouble: Trouble, seq: number) => number {
  let troubles = 0;
  let lastSeq = -1;
  let lastMs = clock.monotonicMs();
  return (trouble, seq) => {
    const nowMs = clock.monotonicMs();
    troubles = seq > lastSeq || nowMs - lastMs > quietMs ? 0 : troubles + 1;
    lastSeq = seq;
    lastMs = nowMs;
    const attempt = troubles + (trouble.moved ? 1 : 0);
    return attempt === 0 ? 0 : backoffMs(attempt, backoff);
  };
}
