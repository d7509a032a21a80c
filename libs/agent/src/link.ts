/**
 * The agent's place at its server: one connection at a time, dialled again with a growing delay for as long as it
 * takes. Only a refusal (`auth.failure`, 4010) ends it for good, because trying again could not help.
 */
import type { Timer } from '@waybill/process';
import type { wire } from '@waybill/protocol';
import { type Connection, type ConnectionOptions, connect } from './connection.ts';
import { type ReconnectBackoff, reconnectDelayMs } from './reconnect-delay.ts';

export type AgentState =
  | 'idle'
  | 'connecting'
  | 'authenticating'
  | 'registering'
  | 'registered'
  /** Between two connections. */
  | 'away'
  | 'refused'
  | 'stopped';

/** The server refused this agent for good: its token is wrong, revoked, expired or does not cover its claims. */
export class AgentRefused extends Error {
  override readonly name = 'AgentRefused';
  readonly code = 'agent-refused';

  constructor(closeCode: number, reason: string) {
    super(`the server refused this agent (${closeCode}): ${reason === '' ? 'no reason' : reason}`);
  }
}

export type LinkOptions = Omit<ConnectionOptions, 'onEnd'> &
  Readonly<{
    backoff: ReconnectBackoff;
    random: () => number;
    /** The connection is gone; it will be back unless `refused` says otherwise. */
    onAway: (refused: AgentRefused | undefined) => void;
  }>;

export type Link = Readonly<{
  readonly state: AgentState;
  readonly unsentBytes: number;
  start(): void;
  /** On an open socket, registered or not; false where there is none. */
  send(frame: wire.AgentMessage, sent?: () => void): boolean;
  /** Resolves when the socket is gone. */
  stop(): Promise<void>;
}>;

export function createLink(o: LinkOptions): Link {
  let rest: 'idle' | 'away' | 'refused' | 'stopped' = 'idle';
  let connection: Connection | undefined;
  let redial: Timer | undefined;
  let failures = 0;
  const gone = Promise.withResolvers<void>();

  const dial = (): void => {
    connection = connect({
      ...o,
      onRegistered: (extensions, ack) => {
        failures = 0;
        o.onRegistered(extensions, ack);
      },
      onEnd: ({ code, reason, refused }) => {
        connection = undefined;
        if (rest === 'stopped') return gone.resolve();
        const error = refused ? new AgentRefused(code, reason) : undefined;
        rest = error ? 'refused' : 'away';
        const delayMs = reconnectDelayMs(failures, o.random, o.backoff);
        failures += 1;
        if (!error) redial = o.clock.after(delayMs, dial);
        o.log.info({ code, reason, refused, ...(error ? {} : { delayMs }) }, 'connection ended');
        o.onAway(error);
      },
    });
  };

  return {
    get state() {
      const phase = connection?.phase ?? 'ended';
      return phase === 'ended' || rest === 'stopped' ? rest : phase;
    },
    get unsentBytes() {
      return connection?.unsentBytes ?? 0;
    },
    start: () => {
      if (rest === 'idle' && !connection) dial();
    },
    send: (frame, sent) => connection?.send(frame, sent) === true,
    stop: async () => {
      rest = 'stopped';
      redial?.cancel();
      if (!connection) return;
      connection.close();
      await gone.promise;
    },
  };
}
