/** Runs of one job, asked for through the log as the api asks, and what the log says became of them. */
import { type Journal, openJournal } from '@waybill/journal';
import { createLogger, newId, systemClock } from '@waybill/process';
import {
  foldRun,
  type Run,
  readRunMessage,
  receivedDraft,
  runId,
  subjects,
  triggerId,
} from '@waybill/protocol';
import type { Links } from '../measure/link.ts';
import { nowMs } from '../measure/monotonic.ts';

const ORG = 'main';
const appendMs = 30_000;
const lookedAtOnce = 32;

export type Work = Readonly<{
  /** Resolves with the run's id once it is asked for. */
  ask(label: string): Promise<string>;
  folded(runIds: readonly string[]): Promise<readonly Run[]>;
  close(): Promise<void>;
}>;

export async function openWork({ nats }: Links): Promise<Work> {
  const log = createLogger({ name: 'bench', level: 'error' });
  const journal = await openJournal({ nats, name: 'waybill-bench', clock: systemClock, log });
  return {
    ask: (label) => askFor(journal, label),
    folded: async (runIds) => {
      const runs: Run[] = [];
      for (let at = 0; at < runIds.length; at += lookedAtOnce) {
        const some = runIds.slice(at, at + lookedAtOnce);
        runs.push(...(await Promise.all(some.map((id) => foldedRun(journal, id)))));
      }
      return runs;
    },
    close: journal.close,
  };
}

async function askFor(journal: Journal, label: string): Promise<string> {
  const deliveryId = newId();
  const trigger = triggerId(ORG, 'api', deliveryId);
  const body = {
    jobs: [{ name: 'job', runsOn: [label], steps: [{ name: 'step 1', run: 'true' }] }],
    workflow: 'bench',
    input: { sentAtMs: nowMs() },
  };
  const draft = receivedDraft({
    org: ORG,
    source: 'api',
    triggerId: trigger,
    kind: 'manual',
    event: 'run',
    deliveryId,
    digest: `bench:${deliveryId}`,
    requestId: deliveryId,
    body: JSON.stringify(body),
  });
  const filter = subjects.triggerFilter(ORG, 'api', trigger);
  const answer = await journal.append(draft, { filter, lastSeq: 0 }, { deadlineMs: appendMs });
  if (answer.outcome !== 'stored') throw new Error(`a run was not asked for: ${answer.outcome}`);
  return runId(trigger, 0);
}

async function foldedRun(journal: Journal, id: string): Promise<Run> {
  const messages = await journal.load('WB_RUNS', subjects.runFilter(ORG, id), { leader: true });
  return foldRun(messages.flatMap((message) => readRunMessage(message) ?? []));
}
