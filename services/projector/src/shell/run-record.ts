/**
 * The record of an ended run: RFC 8785 canonical JSON of the run as of `run.completed`, of every event up to it, and of the
 * hash of the org's record before it. Derived from the log alone: whoever folds it again gets the same bytes.
 */
import { createHash } from 'node:crypto';
import { type Run, runView } from '@waybill/protocol';
import { canonicalText } from './event-text.ts';

export const recordVersion = 1;

export type EndedRun = Readonly<{
  org: string;
  runId: string;
  /** As of `run.completed`. */
  run: Run;
  /** Canonical JSON of each event, in the order of the log. */
  events: readonly string[];
}>;

export type RecordText = Readonly<{ text: string; sha256: string }>;

/** Keys in the order that RFC 8785 asks for; the parts are canonical already. */
export function recordText(
  { org, runId, run, events }: EndedRun,
  previous: string | null,
): RecordText {
  const { record: _written, ...view } = runView(run, org, runId);
  const members = [
    `"events":[${events.join(',')}]`,
    `"firstSeq":${run.firstSeq}`,
    `"lastSeq":${run.seq}`,
    `"org":${JSON.stringify(org)}`,
    `"previous":${JSON.stringify(previous)}`,
    `"recordVersion":${recordVersion}`,
    `"run":${canonicalText(view)}`,
    `"runId":${JSON.stringify(runId)}`,
  ];
  const text = `{${members.join(',')}}`;
  return { text, sha256: createHash('sha256').update(text, 'utf8').digest('hex') };
}
