/** WB_AGENTS into agents and sessions. The rows are the whole state: a batch goes on from what the tables have. */
import { refuseNewer } from '@waybill/journal';
import type { Logger } from '@waybill/process';
import { type AgentEvent, readAgentMessage } from '@waybill/protocol';
import { evolveAgentRow, evolveSessionRow, sessionOf } from '../domain/agent-row.ts';
import { type Poison, unknownSubject } from '../domain/poison.ts';
import { noRecords, type Projection } from './projection.ts';
import { readRows, rowKey, type Tx, writeRows } from './row-writer.ts';

export const openAgentProjection = ({ log }: Readonly<{ log: Logger }>): Projection => ({
  stream: 'WB_AGENTS',
  project: async (tx, messages) => {
    const poison: Poison[] = [];
    const events: AgentEvent[] = [];
    for (const message of messages) {
      const event = readAgentMessage(message);
      if (event?.type === 'unreadable') refuseNewer(message, event.problem, log);
      if (event === undefined || event.type === 'unreadable')
        poison.push({ message, problem: event?.problem ?? unknownSubject });
      else events.push(event);
    }
    const rows = (await writeAgents(tx, events)) + (await writeSessions(tx, events));
    return { rows, poison, records: noRecords, keep: () => undefined };
  },
});

async function writeAgents(tx: Tx, events: readonly AgentEvent[]): Promise<number> {
  const placeOf = (event: AgentEvent) => ({ org: event.org, agent_token: event.agentToken });
  const rows = await readRows(tx, 'agents', events.map(placeOf));
  for (const event of events) {
    const key = rowKey('agents', placeOf(event));
    const row = evolveAgentRow(rows.get(key), event);
    if (row !== undefined) rows.set(key, row);
  }
  return writeRows(tx, 'agents', [...rows.values()]);
}

async function writeSessions(tx: Tx, events: readonly AgentEvent[]): Promise<number> {
  const placed = events.flatMap((event) => {
    const session = sessionOf(event);
    return session === undefined ? [] : [{ event, place: { org: event.org, session } }];
  });
  const rows = await readRows(
    tx,
    'sessions',
    placed.map(({ place }) => place),
  );
  for (const { event, place } of placed) {
    const key = rowKey('sessions', place);
    const row = evolveSessionRow(rows.get(key), event);
    if (row !== undefined) rows.set(key, row);
  }
  return writeRows(tx, 'sessions', [...rows.values()]);
}
