/**
 * Follows what all gateways say of sessions: the newest registration of an agent wins wherever it is, a session that somebody else
 * has ended is over here too, and sessions of this gateway's name are known with the process that holds them.
 */
import { type Journal, type Position, type Reader, refuseNewer } from '@waybill/journal';
import type { Logger } from '@waybill/process';
import { allSubjects, readAgentMessage } from '@waybill/protocol';
import type { OpenSessions } from '../domain/open-session.ts';
import type { Registry } from './registry.ts';

type Deps = Readonly<{
  journal: Pick<Journal, 'read'>;
  registry: Registry;
  sessions: OpenSessions;
  /** A process of this gateway's name holds a session. */
  onHolder: (gateway: string) => void;
  from: Position | undefined;
  log: Logger;
  onFailure: (error: Error) => void;
}>;

/** Only what begins and ends sessions: agents say their status after every job. */
const eventOf = (type: string): string => allSubjects.agents.replace('>', `*.*.*.${type}`);
const filters = ['registered', 'present', 'disconnected'].map(eventOf);

export function openAgentFeed(deps: Deps): Promise<Reader> {
  const { journal, registry, sessions, onHolder, from, log, onFailure } = deps;
  return journal.read({
    stream: 'WB_AGENTS',
    filters,
    from,
    onMessage: (message) => {
      const event = readAgentMessage(message);
      if (event === undefined) return;
      if (event.type === 'unreadable') refuseNewer(message, event.problem, log);
      if (event.type === 'registered')
        registry.registered({ org: event.org, agentId: event.body.agentId }, event.seq);
      if (event.type === 'disconnected') registry.ended(event.body.session);
      const holder = sessions.heard(event);
      if (holder !== undefined) onHolder(holder);
    },
    onFailure,
  });
}
