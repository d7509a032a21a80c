/** The end of a session in the log: to every run that depends on it, then among the agents. Sayable twice: the ids repeat. */
import { milestone } from '@waybill/process';
import { agentDraft } from '@waybill/protocol';
import type { Identity } from '../domain/speaker.ts';
import type { Closing } from './agent-socket.ts';
import type { FactWriter } from './fact-writer.ts';
import type { Reconciliation } from './reconciliation.ts';

type Deps = Readonly<{ gateway: string; facts: FactWriter; reconciliation: Reconciliation }>;

/** Whose end it is: the agent's or its link's; one session's, by a close or a mistake of ours; all sessions', with their gateway. */
export type Fault = 'agent' | 'session' | 'gateway';

/**
 * Runs first: a gateway that is killed in between finds the session without its end, and says both again. What is our fault costs
 * nobody anything: the agent comes back, whoever made it, and an offer that nobody has answered stays open with its session until
 * the agent has, or a scheduler takes both back for the lapsed gateway.
 */
export async function leave(
  deps: Deps,
  who: Identity,
  closing: Closing,
  fault: Fault,
): Promise<void> {
  const isSettled = await deps.reconciliation.lost(who, {
    code: closing.code,
    scalerManaged: who.scalerManaged && fault === 'agent',
    keepsOffers: fault === 'gateway',
  });
  if (isSettled) await goodbye(deps, who, closing);
}

/** Only among the agents: the runs belong to a newer session of the same agent. */
export async function goodbye(
  { gateway, facts }: Omit<Deps, 'reconciliation'>,
  who: Identity,
  closing: Closing,
): Promise<void> {
  const { org, agentId, session } = who;
  const id = `${org}:s${session}:disconnected`;
  const body = JSON.stringify({ session, ...closing });
  await facts.store(agentDraft({ org, agentId, type: 'disconnected', id, gateway, session, body }));
  milestone('disconnected.appended', who);
}
