/**
 * One partition of the log, folded into a desk whether or not its lease is held here, so that whoever gains it decides at once;
 * and what the desk decides, appended while it is held. The decisions are the desk's: here they are carried.
 */

import { type LiveRuns, openLiveRuns } from '@waybill/fold';
import type { Appended, Journal, Position, Reader } from '@waybill/journal';
import { refuseNewer } from '@waybill/journal';
import { type Clock, type Logger, type Milestone, milestone, type Timer } from '@waybill/process';
import type { Partition, StoredMessage } from '@waybill/protocol';
import { partitionFilters, partitionName, readAgentMessage } from '@waybill/protocol';
import { createDesk, type Desk } from '../domain/dispatch-desk.ts';
import type { Decision } from '../domain/run-decision.ts';
import { isSettled } from './settled.ts';
import type { Tenure } from './tenure.ts';

export type RunLoopOptions = Readonly<{
  journal: Pick<Journal, 'read' | 'info' | 'saveSnapshot' | 'loadSnapshot'>;
  tenure: Pick<Tenure, 'isHeld' | 'append'>;
  clock: Clock;
  log: Logger;
  partition: Partition;
  /** How long agents of the org have to answer, where it has set that. */
  ackTimeoutMs: (org: string) => number | undefined;
  /** Whether jobs may be offered. */
  mayOffer: () => boolean;
  /** What is saved beside the runs: behind which trigger nothing is unsettled. */
  triggersSettledUpTo: () => Position | undefined;
  onFailure: (error: Error) => void;
}>;

export type RunLoop = Readonly<{
  /** Of WB_RUNS. */
  reader: Reader;
  /** With what agents have said. */
  caughtUp: Promise<unknown>;
  /** Where the trigger loop of the last holder had everything settled. */
  triggersFrom: Position | undefined;
  knowsRun(runId: string): boolean;
  heardGateway: Desk['heardGateway'];
  /** From then on it decides, while the lease is held. */
  begin(): void;
  /** Decides what can be decided now. To be told of every change of whether it may. */
  pump(): void;
  stop(): Promise<void>;
}>;

/** What the passing is called by which a decision is known to lie in the log. */
const appendedAs: Readonly<Record<string, Milestone>> = {
  'job.offered': 'offer.appended',
  'job.cancel': 'cancel.appended',
  'run.completed': 'completion.appended',
};

export async function openRunLoop(o: RunLoopOptions): Promise<RunLoop> {
  const { journal, tenure, clock, log, partition, mayOffer, onFailure } = o;
  const desk = createDesk({ ackTimeoutMs: o.ackTimeoutMs });
  const open: { live?: LiveRuns; agents?: Reader } = {};
  let isOpen = false;
  let alarm: Readonly<{ due: number; timer: Timer }> | undefined;

  const now = (): number => open.live?.serverNow() ?? 0;

  const send = ({ runId, draft, expect }: Decision): void => {
    milestone('decision.drafted', draft);
    const appending = tenure.append(draft, expect);
    // Nothing of the run has to be waited for.
    if (appending === undefined) return desk.answered(runId, expect.lastSeq, now());
    appending
      .then((answer) => {
        if (answer.outcome === 'stored')
          milestone(appendedAs[draft.type] ?? 'decision.appended', draft);
        desk.answered(runId, settledAt(runId, answer), now());
        pump();
      })
      .catch(onFailure);
  };
  const settledAt = (runId: string, answer: Appended): number | undefined => {
    if (!isSettled(answer, log, { runId })) return undefined;
    return answer.outcome === 'stored' ? answer.seq : answer.lastSeq;
  };

  const pump = (): void => {
    if (!isOpen || !tenure.isHeld()) return;
    for (const decision of desk.decide(now(), mayOffer())) send(decision);
    wakeAt(desk.nextDue());
  };
  const wakeAt = (due: number | undefined): void => {
    if (due === alarm?.due) return;
    alarm?.timer.cancel();
    alarm = undefined;
    if (due === undefined) return;
    const ring = (): void => {
      alarm = undefined;
      pump();
    };
    alarm = { due, timer: clock.after(Math.max(1, due - now()), ring, { background: true }) };
  };

  const opened = await openLiveRuns({
    journal,
    clock,
    log,
    name: `dispatcher.${partitionName(partition)}`,
    partition,
    onRestored: desk.restored,
    onEvent: (event) => {
      desk.heard(event);
      pump();
    },
    onFailure,
    maySave: tenure.isHeld,
    beside: {
      save: desk.fleet.save,
      restore: desk.fleet.restore,
      positions: () => {
        const agentsAt = open.agents?.position() ?? open.live?.restoredPositions.WB_AGENTS;
        const triggersAt = o.triggersSettledUpTo() ?? open.live?.restoredPositions.WB_TRIGGERS;
        return {
          ...(agentsAt === undefined ? {} : { WB_AGENTS: agentsAt }),
          ...(triggersAt === undefined ? {} : { WB_TRIGGERS: triggersAt }),
        };
      },
    },
  });
  open.live = opened;

  const onAgent = (message: StoredMessage): void => {
    const event = readAgentMessage(message);
    if (event === undefined) return;
    if (event.type === 'unreadable') return refuseNewer(message, event.problem, log);
    opened.observe(event.at);
    desk.heardAgent(event);
    pump();
  };
  const agents = await journal.read({
    stream: 'WB_AGENTS',
    filters: partitionFilters('agent', partition),
    from: opened.restoredPositions.WB_AGENTS,
    onMessage: onAgent,
    onFailure,
  });
  open.agents = agents;
  return {
    reader: opened.reader,
    caughtUp: Promise.all([opened.reader.caughtUp, agents.caughtUp]),
    triggersFrom: opened.restoredPositions.WB_TRIGGERS,
    knowsRun: (runId) => (opened.run(runId)?.created ?? null) !== null || opened.isFinished(runId),
    heardGateway: (lease, isHeld) => {
      desk.heardGateway(lease, isHeld);
      pump();
    },
    begin: () => {
      isOpen = true;
      pump();
    },
    pump,
    stop: async () => {
      isOpen = false;
      alarm?.timer.cancel();
      await Promise.all([opened.stop(), agents.stop()]);
    },
  };
}
