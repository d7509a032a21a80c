/** The sealed record of a run, as `npm start` shows it: from the row in Postgres, whose hash it names. */
import type { RunRecord } from '@waybill/readmodel';
import type { Run } from '../http/answer.ts';
import type { Terminal } from '../terminal.ts';
import { stateStyle } from '../text/run-text.ts';
import { durationText } from '../text/time-text.ts';

export function recordText(
  run: Run,
  record: RunRecord,
  { style }: Pick<Terminal, 'style'>,
): string {
  const span = (from: string | null, to: string | null): string =>
    from === null || to === null ? '-' : durationText(Date.parse(to) - Date.parse(from));
  const jobs = run.jobs.map((job) => {
    const attempts = job.attempts.length === 1 ? '1 attempt' : `${job.attempts.length} attempts`;
    const agents = [...new Set(job.attempts.map((each) => each.agentId))].join(', ');
    return [
      `job ${job.name}`,
      `${style(stateStyle(job.state), job.state)}, ${attempts} on ${agents}, ${span(job.startedAt, job.completedAt)}`,
    ] as const;
  });
  const rows: readonly (readonly [string, string])[] = [
    ['run', record.runId],
    ['state', style(stateStyle(record.state), record.state)],
    ['created', record.createdAt],
    [
      'completed',
      `${record.completedAt}  (waited ${span(record.createdAt, record.startedAt)}, ran ${durationText(record.durationMs)})`,
    ],
    ...jobs,
    ['events', `sequences ${record.firstSeq} to ${record.lastSeq} of WB_RUNS`],
    ['SHA-256', style('bold', record.sha256)],
    ['previous', record.previousSha256 ?? 'none: this is the first record'],
    ['size', `${record.body.length} bytes of canonical JSON in waybill.run_records`],
  ];
  return rows.map(([name, value]) => `  ${name.padEnd(12)} ${value}\n`).join('');
}
