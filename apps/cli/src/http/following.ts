/**
 * Server-sent events without a gap: when the connection breaks, it goes on after the last id that came, with growing pauses.
 * The first connection has to succeed; a refusal ends it, except for those that mean "later".
 */
import { backoffMs, type Clock } from '@waybill/process';
import { CliError, exits } from '../cli-error.ts';
import type { Client, Query } from './client.ts';
import type { ServerSentEvent } from './server-sent-event.ts';

export type FollowOptions = Readonly<{
  query?: Query;
  /** Where to begin; absent means now, "0" the beginning. */
  after?: string | undefined;
  signal: AbortSignal;
  clock: Clock;
  /** Told once for every break. */
  onBreak?: (reason: string) => void;
}>;

export async function* following(
  client: Client,
  path: string,
  o: FollowOptions,
): AsyncGenerator<ServerSentEvent> {
  const { signal, clock, query = {} } = o;
  let lastEventId = o.after;
  const progress = { connected: false, failures: 0 };
  const onOpen = (): void => {
    progress.connected = true;
    progress.failures = 0;
  };
  while (!signal.aborted) {
    try {
      for await (const event of client.events(path, { query, lastEventId, signal, onOpen })) {
        lastEventId = event.id ?? lastEventId;
        yield event;
      }
      o.onBreak?.('the server ended the stream');
    } catch (error) {
      signal.throwIfAborted();
      if (!progress.connected || !isPassing(error)) throw error;
      o.onBreak?.('the connection broke');
    }
    progress.failures += 1;
    await clock.sleep(backoffMs(progress.failures, pauses), signal);
  }
}

const pauses = { baseMs: 300, capMs: 5_000, random: Math.random } as const;

const isPassing = (error: unknown): boolean =>
  error instanceof CliError &&
  (error.exitCode === exits.unavailable || error.exitCode === exits.tryLater);
