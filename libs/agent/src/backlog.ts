/**
 * What a job reported while the agent is away, in order and bounded. When it is full, the oldest log lines and
 * heartbeats go first, and a line in the job's own log says how many are missing; states are kept as long as possible.
 */
import type { wire } from '@waybill/protocol';
import type { WorkFact } from './job-work.ts';

export type Report =
  | wire.LogChunk
  | wire.StepStatus
  | wire.JobStatus
  | wire.JobHeartbeat
  | WorkFact;
type Entry = Readonly<{ order: number; report: Report }>;
/** The first chunk that had to go, as the frame of the line that stands for it and its successors. */
type Gap = { readonly order: number; readonly first: wire.LogChunk; lines: number };

export type Backlog = Readonly<{
  readonly size: number;
  push(report: Report): void;
  /** Everything in order, gap lines included; empty afterwards. */
  take(): readonly Report[];
}>;

export function createBacklog(sizeMax: number): Backlog {
  let chatter: Entry[] = [];
  let states: Entry[] = [];
  const gaps = new Map<string, Gap>();
  let order = 0;
  let dropped = 0;

  const note = ({ order, report }: Entry): void => {
    if (report.type !== 'log.chunk') return;
    const key = `${report.jobId} ${report.stepIndex}`;
    const gap = gaps.get(key);
    if (gap) gap.lines += report.lines.length;
    else gaps.set(key, { order, first: report, lines: report.lines.length });
  };
  const dropOldest = (): void => {
    // The head moves instead of the whole list; it is cut off once in a while.
    const oldest = chatter[dropped];
    if (!oldest) {
      states.shift();
      return;
    }
    dropped += 1;
    note(oldest);
    if (dropped >= 1_024) {
      chatter = chatter.slice(dropped);
      dropped = 0;
    }
  };
  const size = (): number => chatter.length - dropped + states.length;

  return {
    get size() {
      return size();
    },
    push: (report) => {
      if (size() >= sizeMax) dropOldest();
      const isChatter = report.type === 'log.chunk' || report.type === 'job.heartbeat';
      (isChatter ? chatter : states).push({ order: order++, report });
    },
    take: () => {
      const missing = [...gaps.values()].map(({ order, first, lines }) => ({
        order,
        report: {
          ...first,
          lines: [`... ${lines} lines are missing: the agent was away and its buffer was full`],
        },
      }));
      const all = [...missing, ...chatter.slice(dropped), ...states];
      chatter = [];
      states = [];
      gaps.clear();
      dropped = 0;
      return all.sort((a, b) => a.order - b.order).map(({ report }) => report);
    },
  };
}
