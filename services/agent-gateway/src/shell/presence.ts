/** Says a session that lasts again, once a day: what was said of it at its beginning ages out of its stream. */
import type { Clock, Timer } from '@waybill/process';
import { agentDraft, fraction, type wire } from '@waybill/protocol';
import { limits } from '../domain/limits.ts';
import type { Identity } from '../domain/speaker.ts';
import { agentLane, type FactWriter } from './fact-writer.ts';

type Deps = Readonly<{ clock: Clock; facts: FactWriter; gateway: string }>;

export function startPresence(
  { clock, facts, gateway }: Deps,
  who: Identity,
  { inFlightJobs: _past, ...registered }: wire.AgentRegister,
): Timer {
  const { org, agentId, session, scalerManaged } = who;
  const body = JSON.stringify({ ...registered, session });
  // Agents that all came at once do not all speak at once a day later.
  const everyMs = limits.presentMs * (0.75 + fraction(`${org}:${session}`) / 4);
  let times = 0;
  const say = (): void => {
    times += 1;
    const id = `${org}:s${session}:present:${times}`;
    const place = { org, agentId, type: 'present', id, gateway, session, scalerManaged } as const;
    // A gateway that stops gives it up.
    facts
      .within(agentLane(who), () => facts.store(agentDraft({ ...place, body })))
      .catch(() => undefined);
  };
  return clock.every(everyMs, say, { background: true });
}
