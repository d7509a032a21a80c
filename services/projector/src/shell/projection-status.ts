/** Where each projection stands: its checkpoint, the end of its stream, and what lies between. */
import type { Journal } from '@waybill/journal';
import type { StreamName } from '@waybill/protocol';
import { checkpoints, type ReadModel } from '@waybill/readmodel';
import { openProjections, type ProjectionOptions } from './projection-list.ts';

export type ProjectionStatus = Readonly<{
  stream: StreamName;
  checkpoint: number;
  lastSeq: number;
  lag: number;
  /** False when the log is another one than the tables were folded from. */
  sameLog: boolean;
}>;

export async function projectionStatus(
  o: ProjectionOptions & Readonly<{ journal: Pick<Journal, 'info'>; model: ReadModel }>,
): Promise<readonly ProjectionStatus[]> {
  const stands = await checkpoints(o.model.db);
  return Promise.all(
    openProjections(o).map(async ({ stream }) => {
      const { identity, lastSeq } = await o.journal.info(stream);
      const stand = stands.find((each) => each.stream === stream);
      const checkpoint = stand?.seq ?? 0;
      const sameLog = stand === undefined || stand.identity === identity;
      return { stream, checkpoint, lastSeq, lag: Math.max(lastSeq - checkpoint, 0), sameLog };
    }),
  );
}
