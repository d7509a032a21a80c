/** Words about agents' work into their tables: of a batch, and in its order. */
import {
  artifactRow,
  attestationRow,
  contextRow,
  conversationKey,
  evolveConversation,
  usageRows,
  type WorkEvent,
  workspaceRow,
} from '../domain/work-row.ts';
import { readRows, rowKey, type Tx, writeRows } from './row-writer.ts';

/** `late`: its run had ended before it. */
export type Work = Readonly<{ event: WorkEvent; late: boolean }>;

type Of<T extends WorkEvent['type']> = Extract<WorkEvent, { type: T }>;

export async function writeWork(tx: Tx, work: readonly Work[]): Promise<number> {
  if (work.length === 0) return 0;
  const of = <T extends WorkEvent['type']>(type: T): readonly Of<T>[] =>
    work.flatMap(({ event }) => (event.type === type ? [event as Of<T>] : [])); // just compared
  const used = work.flatMap(({ event, late }) =>
    event.type === 'usage.reported' ? usageRows(event, late) : [],
  );
  const counts = [
    await writeRows(tx, 'usage_entries', used),
    await writeConversations(tx, of('conversation.reported')),
    await writeRows(tx, 'context_bundles', of('context.reported').map(contextRow)),
    await writeRows(tx, 'workspaces', of('workspace.reported').map(workspaceRow)),
    await writeRows(tx, 'artifacts', of('artifact.stored').map(artifactRow)),
    await writeRows(tx, 'attestations', of('provenance.stored').map(attestationRow)),
  ];
  return counts.reduce((total, count) => total + count, 0);
}

/** A conversation's row is its whole state: a batch goes on from what the table has. */
async function writeConversations(
  tx: Tx,
  events: readonly Of<'conversation.reported'>[],
): Promise<number> {
  const rows = await readRows(tx, 'conversations', events.map(conversationKey));
  for (const event of events) {
    const key = rowKey('conversations', conversationKey(event));
    rows.set(key, evolveConversation(rows.get(key), event));
  }
  return writeRows(tx, 'conversations', [...rows.values()]);
}
