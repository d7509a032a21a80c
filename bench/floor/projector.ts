/**
 * The floor's projector: folds all events of a run into its one row, in batches of at most 500 and
 * one acknowledgement a batch, after the commit.
 */
import { type JsMsg, jetstream } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { Client } from 'pg';
import { type Kind, kinds, type RunEvent, streamName } from './event.ts';

export const projectorConsumer = 'projector';
const messagesMax = 2_000;
const batchMax = 500;

export const createTable = `create table run (
  run_id text primary key, agent_id text not null, status text not null, rank int not null,
  seq bigint not null, doc jsonb not null) with (fillfactor = 70)`;

const upsert = `
  insert into run (run_id, agent_id, status, rank, seq, doc)
  select * from unnest($1::text[], $2::text[], $3::text[], $4::int[], $5::bigint[], $6::text[]::jsonb[])
  on conflict (run_id) do update set
    status = case when excluded.rank >= run.rank then excluded.status else run.status end,
    rank = greatest(run.rank, excluded.rank), seq = greatest(run.seq, excluded.seq), doc = run.doc || excluded.doc
  where run.seq < excluded.seq`;

type Arrived = Readonly<{ message: JsMsg; event: RunEvent }>;
type Row = { agentId: string; kind: Kind; rank: number; seq: number; doc: Record<string, string> };

export async function openProjector(nc: NatsConnection, databaseUrl: string): Promise<void> {
  const database = new Client({ connectionString: databaseUrl });
  await database.connect();
  let waiting: Arrived[] = [];
  let writing = false;

  const write = async (): Promise<void> => {
    writing = true;
    while (waiting.length > 0) {
      const batch = waiting.slice(0, batchMax);
      waiting = waiting.slice(batchMax);
      await database.query({ name: 'fold', text: upsert, values: columnsOf(fold(batch)) });
      batch.at(-1)?.message.ack();
    }
    writing = false;
  };

  const consumer = await jetstream(nc).consumers.get(streamName, projectorConsumer);
  await consumer.consume({
    max_messages: messagesMax,
    callback: (message) => {
      waiting.push({ message, event: message.json<RunEvent>() });
      if (!writing) setImmediate(() => (writing ? undefined : void write()));
    },
  });
}

function fold(batch: readonly Arrived[]): ReadonlyMap<string, Row> {
  const rows = new Map<string, Row>();
  for (const { message, event } of batch) {
    const rank = kinds.indexOf(event.type);
    const row = rows.get(event.runId) ?? {
      agentId: event.agentId,
      kind: event.type,
      rank,
      seq: 0,
      doc: {},
    };
    if (rank >= row.rank) {
      row.kind = event.type;
      row.rank = rank;
    }
    row.seq = message.seq;
    row.doc[event.type] = event.at;
    rows.set(event.runId, row);
  }
  return rows;
}

function columnsOf(rows: ReadonlyMap<string, Row>): unknown[] {
  const ids = [...rows.keys()].sort();
  const values = ids.flatMap((id) => rows.get(id) ?? []);
  return [
    ids,
    values.map((row) => row.agentId),
    values.map((row) => row.kind),
    values.map((row) => row.rank),
    values.map((row) => row.seq),
    values.map((row) => JSON.stringify(row.doc)),
  ];
}
