/**
 * What a tier above is told of runs: broadcast once the rows that say the same are committed, on
 * `wb.v1.upstream.<shard>.<org>.<runId>.<type>`, with the sequence of the event in `wb-seq`. Nobody keeps it. Where something may
 * have been missed this says that it begins anew, and whoever listens reads the tables again.
 */
import type { Journal } from '@waybill/journal';
import { allSubjects, type Forward, subjects } from '@waybill/protocol';

export type Told = Readonly<{ org: string; seq: number; forward: Forward }>;

export type UpstreamOutlet = Readonly<{
  tell(told: readonly Told[]): void;
  /** What another projector has committed last may not have been told. */
  begin(): void;
  stop(): void;
}>;

export function openUpstreamOutlet(journal: Pick<Journal, 'broadcaster'>): UpstreamOutlet {
  const begin = (): void => publish({ subject: allSubjects.upstreamBegun, body: '' });
  const { publish, stop } = journal.broadcaster({ onGap: begin });
  return {
    tell: (told) => {
      for (const { org, seq, forward } of told)
        publish({
          subject: subjects.upstream(org, forward.runId, forward.type),
          headers: { 'wb-seq': String(seq) },
          body: JSON.stringify(forward),
        });
    },
    begin,
    stop,
  };
}
