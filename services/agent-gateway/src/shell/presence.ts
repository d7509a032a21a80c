/**
 * Says a session that lasts again, once a day, and whether a person has taken its agent out of use: what was said of both at the
 * beginning ages out of its stream.
 */
import type { Expect, Journal } from '@waybill/journal';
import type { Clock, Timer } from '@waybill/process';
import {
  type AgentEventType,
  agentDraft,
  fraction,
  readAgentMessage,
  subjects,
  type wire,
} from '@waybill/protocol';
import { limits } from '../domain/limits.ts';
import type { Identity } from '../domain/speaker.ts';
import { agentLane, type FactWriter } from './fact-writer.ts';

type Deps = Readonly<{
  journal: Pick<Journal, 'append' | 'last'>;
  clock: Clock;
  facts: Pick<FactWriter, 'within'>;
  gateway: string;
}>;

export function startPresence(
  { journal, clock, facts, gateway }: Deps,
  who: Identity,
  { inFlightJobs: _past, ...registered }: wire.AgentRegister,
): Timer {
  const { org, agentId, session, scalerManaged } = who;
  // Agents that all came at once do not all speak at once a day later.
  const everyMs = limits.presentMs * (0.75 + fraction(`${org}:${session}`) / 4);
  let times = 0;
  const say = async (): Promise<void> => {
    times += 1;
    const id = `${org}:s${session}:present:${times}`;
    const place = { org, agentId, type: 'present', id, gateway, session, scalerManaged } as const;
    const { draining, expect } = await drainOf(journal, who);
    const body = JSON.stringify({ ...registered, session, draining });
    // Where a person speaks meanwhile, and where the log is away, the next time is soon enough.
    await journal.append(agentDraft({ ...place, body }), expect);
  };
  // A gateway that stops gives it up.
  const sayInTurn = (): void => void facts.within(agentLane(who), say).catch(() => undefined);
  return clock.every(everyMs, sayInTurn, { background: true });
}

/** The last word of a person about the agent; where that has aged out, what was said of it with the session since. */
async function drainOf(
  journal: Deps['journal'],
  { org, agentId }: Identity,
): Promise<Readonly<{ draining: Draining; expect: Expect }>> {
  const last = async (type: AgentEventType) => {
    const subject = subjects.agent(org, agentId, type);
    const message = await journal.last('WB_AGENTS', subject, { leader: true });
    return message && readAgentMessage(message);
  };
  const [word, said] = await Promise.all([last('draining'), last('present')]);
  const known = said?.type === 'present' && said.seq > (word?.seq ?? 0) ? said.body.draining : null;
  const expect = {
    filter: subjects.agent(org, agentId, 'draining'),
    lastSeq: word?.seq ?? 0,
  };
  if (word?.type !== 'draining') return { draining: known ?? null, expect };
  const { draining: isDrained, by } = word.body;
  return { draining: isDrained ? (known ?? { since: word.at, by }) : null, expect };
}

type Draining = Readonly<{ since: number; by: string }> | null;
