/** A run as a person reads it: what, when, and each job with its attempts and steps. */
import type { Job, Run } from '../http/answer.ts';
import { printable, type Style, type Terminal } from '../terminal.ts';
import { approversText, votesText } from './approval-text.ts';
import { durationText, untilText, whenText } from './time-text.ts';
import { workFacts } from './work-text.ts';

type Styling = Pick<Terminal, 'style' | 'live'> & Readonly<{ nowMs: number }>;

export function stateStyle(state: string): Style {
  if (['success', 'accepted', 'approved', 'connected'].includes(state)) return 'green';
  if (['failed', 'timed_out_stale', 'drift_dropped', 'expired', 'rejected'].includes(state))
    return 'red';
  return ['running', 'recovering', 'cancelling', 'offered', 'held', 'open'].includes(state)
    ? 'yellow'
    : 'dim';
}

export function runText(run: Run, o: Styling): string {
  const { record, trigger, rule, upstream } = run;
  const commit = [run.repoUrl, run.ref, run.sha?.slice(0, 12)].filter(
    (part) => part !== null && part !== undefined && part !== '',
  );
  const facts: readonly (readonly [string, string])[] = [
    ['state', o.style(stateStyle(run.state), run.state)],
    ['workflow', run.workflow ?? '-'],
    ['trigger', trigger === null ? '-' : `${trigger.source} ${trigger.event}`],
    ...(upstream === null
      ? []
      : [['upstream', `job ${upstream.jobId}, at depth ${run.chainDepth} of its chain`] as const]),
    ['rule', rule === null ? '-' : `${rule.name}, generation ${rule.generation}`],
    ['commit', commit.length === 0 ? '-' : commit.join(' ')],
    ...(run.trust === 'fork'
      ? [['trust', 'fork: code of somebody who may not write to the repository'] as const]
      : []),
    ['created', whenText(run.createdAt, o.nowMs, o.live)],
    ['took', run.durationMs === null ? '-' : durationText(run.durationMs)],
    ...workFacts(run),
    [
      'record',
      record === null
        ? 'not sealed yet'
        : `sha256 ${record.sha256}, sequences ${record.firstSeq} to ${record.lastSeq}`,
    ],
    ...(run.anomalies === 0 ? [] : [['anomalies', String(run.anomalies)] as const]),
  ];
  const head = facts.map(([name, value]) => `  ${name.padEnd(9)} ${safe(value, o)}`);
  return `${['run ' + run.runId, ...head, ...run.jobs.flatMap((job) => jobLines(job, o))].join('\n')}\n`;
}

/** Styles are ours; everything else in a value is a stranger's. */
const safe = (value: string, o: Styling): string =>
  value.includes('\u001B') && o.live ? value : printable(value);

/** What offers and work have cost so far, by cause; nothing where they have cost nothing. */
function spentLines({ offers, retries }: Job): readonly string[] {
  const { max, expired, rejected, withdrawn, busy, lapsed } = offers;
  const spent = counted({ expired, rejected, withdrawn });
  const free = counted({ busy, 'with a gateway of ours': lapsed });
  const parts = [
    ...(spent === '' ? [] : [`${expired + rejected + withdrawn} of ${max ?? '?'} spent: ${spent}`]),
    ...(free === '' ? [] : [`at no cost: ${free}`]),
  ];
  return [
    ...(parts.length === 0 ? [] : [`    offers ${parts.join('; ')}`]),
    ...(retries.used === 0 ? [] : [`    retries ${retries.used} of ${retries.max} used`]),
  ];
}

const counted = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .flatMap(([name, count]) => (count === 0 ? [] : [`${count} ${name}`]))
    .join(', ');

/** What people were asked: who may answer while it is open, what they said. */
function approvalLine(approval: NonNullable<Job['approvals']>[number], o: Styling): string {
  const { id, state, stepName, reason, votes } = approval;
  const of = stepName === null ? '' : ` of step ${printable(stepName)}`;
  const why = reason === '' ? '' : `, ${printable(reason)}`;
  const who = state === 'open' ? `: by ${approversText(approval)}` : '';
  const said = votes.length === 0 ? '' : `, ${votesText(approval)}`;
  return `    approval ${id}${of}${why}: ${o.style(stateStyle(state), state)}${printable(who + said)}`;
}

function jobLines(job: Job, o: Styling): readonly string[] {
  const blocked = job.blockedBy
    .map(({ kind, detail, until }) => {
      if (until === null || until === undefined) return detail;
      const waits = kind === 'held' ? 'until' : 'held back until';
      return `${detail}, ${waits} ${untilText(until, o.nowMs, o.live)}`;
    })
    .join(', ');
  const notes = [
    job.agentId === null ? '' : `on ${job.agentId}`,
    blocked,
    job.failure ?? '',
  ].filter((note) => note !== '');
  const state = o.style(stateStyle(job.state), job.state);
  return [
    '',
    `  job ${printable(job.name)}: ${state}${notes.length === 0 ? '' : printable(` (${notes.join('; ')})`)}`,
    ...spentLines(job),
    ...(job.approvals ?? []).map((each) => approvalLine(each, o)),
    ...job.attempts.map((each) => {
      const why = each.cause === null || each.cause === undefined ? '' : ` (${each.cause})`;
      const wait =
        each.recoverUntil === undefined
          ? ''
          : `, has until ${untilText(each.recoverUntil, o.nowMs, o.live)} to come back`;
      return printable(
        `    attempt ${each.attempt} to ${each.agentId}: ${each.resolution ?? 'open'}${why}${wait}`,
      );
    }),
    ...job.steps.map((step) => {
      const took =
        step.startedAt === null || step.completedAt === null
          ? ''
          : `  ${durationText(Date.parse(step.completedAt) - Date.parse(step.startedAt))}`;
      const exit =
        typeof step.exitCode === 'number' && step.exitCode !== 0 ? `  exit ${step.exitCode}` : '';
      const { type = 'step' } = step;
      // A hook is called after itself, and its index only keeps its logs apart.
      const what = type === 'step' ? `step ${step.index}` : 'hook';
      return `    ${what} ${printable(step.name)}: ${o.style(stateStyle(step.state), step.state)}${took}${exit}`;
    }),
  ];
}
