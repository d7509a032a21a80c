/**
 * A service that decides by what it has folded of the log: a journal, what is opened over it, and its start, readiness and stop.
 * Ready once the log is folded; not any more when something has failed or NATS is away.
 */
import type { Journal, NatsConfig } from '@waybill/journal';
import { natsSettings, openJournal } from '@waybill/journal';
import type { Clock, Host, Logger, Readiness, Service } from '@waybill/process';

export type DeciderConfig = NatsConfig & Readonly<{ WAYBILL_PARTITIONS: number }>;

/** What of the log is needed to decide. */
export type DeciderJournal = Pick<
  Journal,
  | 'append'
  | 'blobs'
  | 'get'
  | 'info'
  | 'last'
  | 'lease'
  | 'loadSnapshot'
  | 'maxPayload'
  | 'read'
  | 'saveSnapshot'
  | 'serverTime'
  | 'table'
  | 'watchLeases'
>;

export type DeciderOptions = Readonly<{
  journal: DeciderJournal;
  clock: Clock;
  log: Logger;
  /** Into how many the log is divided. */
  partitions: number;
  onFailure: (error: Error) => void;
}>;

export type Decider = Readonly<{
  /** The log is folded: from then on it decides wherever it holds the lease. */
  caughtUp: Promise<void>;
  check(): Readiness;
  stop(): Promise<void>;
}>;

export function deciderService(
  name: string,
  config: DeciderConfig,
  { clock, log }: Host,
  openDecider: (o: DeciderOptions) => Promise<Decider>,
): Service {
  let journal: Journal | undefined;
  let decider: Decider | undefined;
  let failure: Error | undefined;

  const close = async (): Promise<void> => {
    await decider?.stop();
    // With it its readers end, and within a bound what is on its way.
    await journal?.close();
  };
  const open = async (signal: AbortSignal, onFailure: (error: Error) => void): Promise<void> => {
    const nats = natsSettings(config);
    journal = await openJournal({ nats, name: `waybill-${name}`, clock, log });
    signal.addEventListener('abort', () => void close(), { once: true });
    signal.throwIfAborted();
    await journal.provision();
    const partitions = config.WAYBILL_PARTITIONS;
    decider = await openDecider({ journal, clock, log, partitions, onFailure });
    await decider.caughtUp;
  };
  const check = (): Readiness => {
    if (failure !== undefined) return { ready: false, reason: failure.message };
    if (journal?.status().connected !== true)
      return { ready: false, reason: 'not connected to NATS' };
    return decider?.check() ?? { ready: false, reason: 'not started' };
  };
  return {
    name,
    start: async (signal, fail) => {
      const onFailure = (error: Error): void => {
        failure ??= error;
        fail(error);
      };
      try {
        await open(signal, onFailure);
      } catch (error) {
        await close();
        // What a closed journal says of itself is not why the start has ended.
        throw signal.aborted ? signal.reason : error;
      }
    },
    stop: close,
    checks: [{ name, check }],
  };
}
