/** Who asks for the runs of a plan: it puts a trigger into the log as the api does, and counts as answered what is stored. */
import { type Journal, openJournal } from '@waybill/journal';
import { type Clock, isOutage, type Logger, newId } from '@waybill/process';
import { receivedDraft, runDraft, runId as runIdOf, subjects, triggerId } from '@waybill/protocol';
import type { Ledger } from './ledger.ts';
import type { JobPlan, RunPlan } from './work-plan.ts';

export const ORG = 'main';
const source = 'api';

const requested = ({ run, ...job }: JobPlan): object => ({ ...job, steps: [{ run }] });

type Options = Readonly<{ clock: Clock; log: Logger; ledger: Ledger; runs: readonly RunPlan[] }>;

export async function startClient({ clock, log, ledger, runs }: Options): Promise<void> {
  const journal = await opened(clock, log);
  const ask = async ({ delivery, jobs, cancel, atMs: _atMs, ...asked }: RunPlan): Promise<void> => {
    const id = triggerId(ORG, source, delivery);
    const draft = receivedDraft({
      org: ORG,
      source,
      triggerId: id,
      kind: 'manual',
      event: 'run',
      deliveryId: delivery,
      digest: delivery,
      requestId: newId(),
      body: JSON.stringify({ ...asked, jobs: jobs.map(requested) }),
    });
    const expect = { filter: subjects.triggerFilter(ORG, source, id), lastSeq: 0 };
    for (;;) {
      const answer = await journal.append(draft, expect);
      if (answer.outcome === 'stored' || answer.outcome === 'conflict') break;
      await clock.sleep(500);
    }
    const told = { triggerId: id, runIds: [], decision: null };
    ledger.answers.push({ org: ORG, triggerId: id, status: 202, told });
    if (cancel !== undefined)
      clock.after(cancel.afterMs, () => void ended(runIdOf(id, 0), cancel.force));
  };
  /** A person's word: a fact, appended whatever the run has come to by then. */
  const ended = async (runId: string, force: boolean): Promise<void> => {
    const meta = { id: `${runId}:cancel`, source: '/waybill/api' };
    const body = { by: 'somebody', force };
    const draft = runDraft({ org: ORG, runId, type: 'cancel.requested', meta, body });
    while ((await journal.append(draft)).outcome === 'unknown') await clock.sleep(500);
  };
  for (const run of runs) clock.after(run.atMs, () => void ask(run));
}

/** However long the log is away. */
async function opened(clock: Clock, log: Logger): Promise<Journal> {
  for (;;) {
    try {
      return await openJournal({ nats: { url: 'nats://127.0.0.1' }, name: 'client', clock, log });
    } catch (error) {
      if (!isOutage(error)) throw error;
    }
  }
}
