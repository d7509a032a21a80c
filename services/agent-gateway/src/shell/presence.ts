/**
 * Says sessions that last again, within a day, and whether a person has taken their agent out of use: what was said of both at the
 * beginning ages out of its stream. One timer for all sessions, and nothing kept of any: the log has what it registered with.
 */
import type { Expect, Journal } from '@waybill/journal';
import type { Clock, Timer } from '@waybill/process';
import {
  type AgentEvent,
  type AgentEventType,
  agentDraft,
  readAgentMessage,
  subjects,
} from '@waybill/protocol';
import { limits } from '../domain/limits.ts';
import type { Identity } from '../domain/speaker.ts';
import { agentLane, type FactWriter } from './fact-writer.ts';

type Deps = Readonly<{
  journal: Pick<Journal, 'append' | 'last'>;
  clock: Clock;
  facts: Pick<FactWriter, 'within'>;
  gateway: string;
  /** Whose sessions are held here. */
  seats(): Iterable<Readonly<{ who: Identity }>>;
}>;

const periodMs = (limits.presentMs * 7) / 8;
/** Agents that all came at once, one session behind the other, do not all speak at once a day later. */
const shares = 1_024;
const periodOf = (session: number, nowMs: number): number =>
  Math.floor((nowMs - ((session % shares) / shares) * periodMs) / periodMs);

export function startPresence(deps: Deps): Timer {
  const { clock, facts, seats } = deps;
  let lookedMs = clock.monotonicMs();
  const look = (): void => {
    const nowMs = clock.monotonicMs();
    for (const { who } of seats()) {
      const period = periodOf(who.session, nowMs);
      if (period === periodOf(who.session, lookedMs)) continue;
      // A gateway that stops gives it up.
      facts.within(agentLane(who), () => say(deps, who, period)).catch(() => undefined);
    }
    lookedMs = nowMs;
  };
  return clock.every(limits.presentLookMs, look, { background: true });
}

/** `period`: counts in one process, of which the session is. */
async function say(deps: Deps, who: Identity, period: number): Promise<void> {
  const { journal, gateway } = deps;
  const { org, agentId, session, scalerManaged } = who;
  const { registered, draining, expect } = await knownOf(journal, who);
  if (registered === undefined) return;
  const { inFlightJobs: _past, ...lasting } = registered;
  const id = `${org}:s${session}:present:${period}`;
  const place = { org, agentId, type: 'present', id, gateway, session, scalerManaged } as const;
  const body = JSON.stringify({ ...lasting, session, draining });
  // Where a person speaks meanwhile, and where the log is away, the next time is soon enough.
  await journal.append(agentDraft({ ...place, body }), expect);
}

type Draining = Readonly<{ since: number; by: string }> | null;
type Known = Readonly<{
  /** What the agent said of itself; undefined where the log has it no more. */
  registered: Readonly<Record<string, unknown>> | undefined;
  /** The last word of a person about the agent; where that has aged out, what was said of it with the session since. */
  draining: Draining;
  expect: Expect;
}>;

async function knownOf(
  journal: Deps['journal'],
  { org, agentId, session }: Identity,
): Promise<Known> {
  const last = async <T extends AgentEventType>(
    type: T,
  ): Promise<Extract<AgentEvent, { type: T }> | undefined> => {
    const subject = subjects.agent(org, agentId, type);
    const message = await journal.last('WB_AGENTS', subject, { leader: true });
    const event = message && readAgentMessage(message);
    return event?.type === type ? (event as Extract<AgentEvent, { type: T }>) : undefined; // of that type
  };
  const [began, said, word] = await Promise.all([
    last('registered'),
    last('present'),
    last('draining'),
  ]);
  const known = said !== undefined && said.seq > (word?.seq ?? 0) ? said.body.draining : null;
  const drained = word?.body.draining === true ? { since: word.at, by: word.body.by } : null;
  return {
    registered: began?.seq === session ? began.body : bodyOf(said, session),
    draining: word === undefined || drained !== null ? (known ?? drained) : null,
    expect: { filter: subjects.agent(org, agentId, 'draining'), lastSeq: word?.seq ?? 0 },
  };
}

const bodyOf = (
  said: Extract<AgentEvent, { type: 'present' }> | undefined,
  session: number,
): Known['registered'] => (said?.body.session === session ? said.body : undefined);
