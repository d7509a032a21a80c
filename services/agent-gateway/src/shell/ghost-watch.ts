/**
 * Ends the sessions of other processes of this gateway's name once their lease is gone: killed or frozen, they cannot say that
 * their sockets are. One that holds its lease lives, whatever it is called, and is left alone. (Sessions of other gateways are
 * ended by the schedulers.)
 */
import type { Journal, Reader } from '@waybill/journal';
import type { Logger } from '@waybill/process';
import { gatewayId, gatewayOfLease, leasesOfGatewayId } from '@waybill/protocol';
import { limits } from '../domain/limits.ts';
import type { OpenSessions } from '../domain/open-session.ts';
import type { Identity } from '../domain/speaker.ts';
import { workSlots } from './work-slots.ts';

export type GhostWatch = Readonly<{
  /** That process holds a session. */
  heard(gateway: string): void;
  stop(): Promise<void>;
}>;

type Deps = Readonly<{
  journal: Pick<Journal, 'watchLeases'>;
  sessions: OpenSessions;
  /** As `<id>/<start>`. */
  gateway: string;
  /** Resolves once the log has it. */
  end: (who: Identity) => Promise<void>;
  /** Aborted when the gateway does not wait for the log any more. */
  signal: AbortSignal;
  log: Logger;
  onFailure: (error: Error) => void;
}>;

/**
 * `sessions` knows all that were there at the time of the call. Nobody waits until those without a lease are ended: their agents
 * may be back before, and what is said of an old session then touches nothing that the new one has.
 */
export async function openGhostWatch(deps: Deps): Promise<GhostWatch> {
  const { journal, sessions, gateway: self, end, signal, log, onFailure } = deps;
  const slots = workSlots(limits.endedAtOnceMax);
  const held = new Set<string>();
  const gone = new Set<string>();
  const ending = new Set<number>();
  let isWatching = false;

  const endAll = (gateway: string): void => {
    const left = sessions.of(gateway).filter(({ session }) => !ending.has(session));
    if (left.length === 0) return;
    log.info({ gateway, sessions: left.length }, 'ending the sessions of a process that is gone');
    for (const who of left) {
      const ended = slots
        .run(async () => {
          if (!signal.aborted) await end(who);
        })
        .catch((error: unknown) => {
          // Whoever comes next says it.
          if (signal.aborted) return;
          log.error({ err: error, session: who.session }, 'a session of the past was not ended');
        });
      ending.add(who.session);
      void ended.then(() => ending.delete(who.session));
    }
  };
  const lapsed = (gateway: string): void => {
    gone.add(gateway);
    endAll(gateway);
  };
  const reader: Reader = await journal.watchLeases({
    prefix: leasesOfGatewayId(gatewayId(self)),
    onChange: (name, lease) => {
      const gateway = gatewayOfLease(name);
      if (gateway === self) return;
      if (lease === undefined) held.delete(gateway);
      else held.add(gateway);
      if (lease !== undefined) gone.delete(gateway);
      else if (isWatching) lapsed(gateway);
    },
    onFailure,
  });
  await reader.caughtUp;
  isWatching = true;
  // A process takes its lease before its first session: one that has sessions and no lease has lost it.
  const past = sessions.gateways().filter((gateway) => gateway !== self && !held.has(gateway));
  for (const gateway of past) lapsed(gateway);
  return {
    heard: (gateway) => {
      if (gone.has(gateway)) endAll(gateway);
    },
    stop: reader.stop,
  };
}
