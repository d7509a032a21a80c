/**
 * Why a job is not running, as data: what it needs, until when it is held back, or what is the matter with the agents that could
 * have it. Pure: of the folded run and of the agents as far as the asker knows them.
 */
import { type Approval, approversOf, isOpenApproval } from './approval.ts';
import { iso } from './instant.ts';
import { currentAttempt, type Job } from './job.ts';
import { offeredLabels, requirementOf } from './matching.ts';
import { needsOf } from './needs.ts';
import type { Run } from './run.ts';
import { isTerminalJob } from './states.ts';

export type BlockedKind =
  | 'needs'
  | 'held'
  | 'backoff'
  | 'no_agent'
  | 'busy'
  | 'draining'
  /** It waits for an agent, and nothing more is known. */
  | 'agent';

export type BlockedBy = Readonly<{ kind: BlockedKind; detail: string; until: string | null }>;

/** A connected agent. */
export type Candidate = Readonly<{
  agentId: string;
  labels: readonly string[];
  capacity: number;
  /** Jobs that it has, offers included. */
  load: number;
  isDraining: boolean;
}>;

/** `agents`: of the run's org; undefined where they are not known. `now`: server time; what is over by then is left out. */
export function blockedBy(
  job: Job,
  run: Run,
  agents?: readonly Candidate[],
  now = 0,
): readonly BlockedBy[] {
  if (isTerminalJob(job.state)) return [];
  switch (job.state) {
    case 'pending': {
      const needs = needsOf(job.spec.needs, run.jobs);
      return needs.kind === 'open'
        ? needs.waitingFor.map((name) => because('needs', `waits for ${name}`))
        : [because('needs', 'what it needs has just ended')];
    }
    case 'held':
    case 'running':
    case 'recovering':
    case 'cancelling':
      return job.approvals.filter(isOpenApproval).map(asked);
    case 'queued':
      return [...heldBack(job, now), ...waitsFor(job, agents)];
    default:
      return [];
  }
}

const because = (kind: BlockedKind, detail: string, until: number | null = null): BlockedBy => ({
  kind,
  detail,
  until: iso(until),
});

/** The job before it begins, or one of its steps. */
const asked = (approval: Approval): BlockedBy => {
  const { stepIndex, stepName, expiresAt } = approval;
  const step = stepIndex === null ? '' : `step ${stepIndex} (${stepName ?? ''}) `;
  const detail = `${step}waits for approval by ${approversOf(approval)}`;
  return because('held', detail, expiresAt);
};

function heldBack(job: Job, now: number): readonly BlockedBy[] {
  if (job.notBefore <= Math.max(job.queuedAt ?? 0, now)) return [];
  const isRejected = currentAttempt(job)?.resolution === 'rejected';
  const why = isRejected ? 'its last offer was rejected' : `it ended with ${job.failure}`;
  return [because('backoff', why, job.notBefore)];
}

function waitsFor({ spec }: Job, agents: readonly Candidate[] | undefined): readonly BlockedBy[] {
  const labels = spec.runsOn.join(', ');
  const asked = labels === '' ? '' : ` with ${labels}`;
  if (agents === undefined) return [because('agent', `waits for a free agent${asked}`)];
  const fits = requirementOf(spec.runsOn);
  const matching = agents.filter(
    ({ agentId, labels: its }) =>
      (spec.agent === undefined || spec.agent === agentId) && fits(offeredLabels(its)),
  );
  if (matching.length === 0) return [because('no_agent', unmatched(spec, labels, agents))];
  const open = matching.filter(({ isDraining }) => !isDraining);
  if (open.length === 0)
    return [because('draining', `every agent${asked} drains: ${names(matching)}`)];
  if (open.every(({ load, capacity }) => load >= capacity))
    return [because('busy', `every agent${asked} is busy: ${names(open)}`)];
  return [because('agent', `waits for its turn with ${names(open)}`)];
}

/** One that is connected and asked for nothing that it lacks has a taint that the job does not ask for. */
function unmatched({ agent }: Job['spec'], labels: string, agents: readonly Candidate[]): string {
  const isThere = agents.some(({ agentId }) => agent === undefined || agentId === agent);
  if (agent !== undefined && !isThere) return `agent ${agent} is not connected`;
  if (!isThere) return 'no agent is connected';
  const who = agent === undefined ? 'no connected agent' : `agent ${agent}`;
  if (labels === '') return agent === undefined ? `${who} is free of taints` : `${who} has a taint`;
  return agent === undefined ? `${who} has ${labels}` : `${who} lacks ${labels}, or has a taint`;
}

const NAMED_MAX = 5;

const names = (agents: readonly Candidate[]): string => {
  const named = agents.slice(0, NAMED_MAX).map(({ agentId }) => agentId);
  const more = agents.length - named.length;
  return more > 0 ? `${named.join(', ')} and ${more} more` : named.join(', ');
};
