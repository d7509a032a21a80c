/**
 * Follows what all gateways say of sessions: the newest registration of an agent wins wherever it is, a session that somebody else
 * has ended is over here too, and sessions of this gateway's name are known with the process that holds them. It also knows for whom a
 * scaler has bound a queued job, until that agent registers, and passes on who asks for an agent's own logs.
 */
import { type Journal, type Position, type Reader, refuseNewer } from '@waybill/journal';
import type { Logger } from '@waybill/process';
import { allSubjects, readAgentMessage } from '@waybill/protocol';
import type { OpenSessions } from '../domain/open-session.ts';
import type { LogsRequest } from './fleet-desk.ts';
import type { Registry } from './registry.ts';

type Deps = Readonly<{
  journal: Pick<Journal, 'read'>;
  registry: Registry;
  sessions: OpenSessions;
  /** A process of this gateway's name holds a session. */
  onHolder: (gateway: string) => void;
  /** A person asks for an agent's own logs. */
  onLogsRequested: (request: LogsRequest) => void;
  from: Position | undefined;
  log: Logger;
  onFailure: (error: Error) => void;
}>;

/** Only what begins and ends sessions, or is about to: agents say their status after every job. */
const eventOf = (type: string): string => allSubjects.agents.replace('>', `*.*.*.${type}`);
const filters = ['spawned', 'registered', 'present', 'disconnected', 'logs_requested'].map(eventOf);

export function openAgentFeed(deps: Deps): Promise<Reader> {
  const { journal, registry, sessions, onHolder, onLogsRequested, from, log, onFailure } = deps;
  return journal.read({
    stream: 'WB_AGENTS',
    filters,
    from,
    onMessage: (message) => {
      const event = readAgentMessage(message);
      if (event === undefined) return;
      if (event.type === 'unreadable') refuseNewer(message, event.problem, log);
      if (event.type === 'spawned' && event.body.jobIds.length > 0)
        registry.expect({ org: event.org, agentId: event.body.agentId });
      if (event.type === 'registered')
        registry.registered({ org: event.org, agentId: event.body.agentId }, event.seq);
      if (event.type === 'logs_requested') onLogsRequested(event);
      if (event.type === 'disconnected') registry.ended(event.body.session);
      const holder = sessions.heard(event);
      if (holder !== undefined) onHolder(holder);
    },
    onFailure,
  });
}
