/** Runs that nobody has asked for: their `run.created` is put into the log by hand, with times and secrets of its own. */
import type { Journal } from '@waybill/journal';
import { newId } from '@waybill/process';
import { type BodyOf, runDraft, runId, subjects, triggerId } from '@waybill/protocol';
import { createdBody } from '@waybill/protocol/fixtures';

export type Own = Partial<
  Pick<BodyOf<'run.created'>, 'ackTimeoutMs' | 'recoveryMs' | 'staleMs' | 'offersMax' | 'secrets'>
>;

/** Of one job on agents with the label. Resolves with its id, once it is stored. */
export async function draftRun(
  journal: Pick<Journal, 'append'>,
  org: string,
  label: string,
  own: Own = {},
): Promise<string> {
  const body = createdBody();
  const trigger = triggerId(org, 'test', newId());
  const run = runId(trigger, 0);
  const jobs = body.jobs.slice(0, 1).map((job) => ({
    ...job,
    jobId: `${run}-0`,
    runsOn: [label],
    needs: [],
  }));
  const answer = await journal.append(
    runDraft({
      org,
      runId: run,
      type: 'run.created',
      meta: { id: `${org}:${run}:run.created`, source: 'test' },
      body: {
        ...body,
        ...own,
        org,
        runId: run,
        trigger: { ...body.trigger, triggerId: trigger },
        jobs,
      },
    }),
    { filter: subjects.runFilter(org, run), lastSeq: 0 },
  );
  if (answer.outcome !== 'stored') throw new Error(`the run is ${answer.outcome}`);
  return run;
}
