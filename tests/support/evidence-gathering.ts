/**
 * Reads the evidence of a fault run from the real servers: every message of every stream with all its headers, every row of every
 * table, and what `projections verify` finds. Past the journal on purpose: the checks must not depend on what they check.
 */
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { type NatsSettings, openJournal } from '@waybill/journal';
import { type Logger, systemClock } from '@waybill/process';
import { eventually } from '@waybill/process/testing';
import { verifyProjections } from '@waybill/projector/projections';
import { type StreamName, streamNames } from '@waybill/protocol';
import { connectReadModel, type ReadModel, tables } from '@waybill/readmodel';
import type { Evidence, LoggedMessage, StoredRecord, TableRow } from './evidence.ts';

export type Place = Readonly<{ nats: NatsSettings; databaseUrl: string; log: Logger }>;
type FromServers = Pick<
  Evidence,
  'log' | 'tables' | 'records' | 'checkpoints' | 'differences' | 'replicas'
>;

export async function gatherEvidence({ nats, databaseUrl, log }: Place): Promise<FromServers> {
  const model = connectReadModel({ databaseUrl, log, max: 4 });
  const journal = await openJournal({ nats, name: 'evidence', clock: systemClock, log });
  try {
    // First: agents may speak on, and then the tables are ahead of it and not behind.
    const dumped = await allMessages(nats);
    const { differences } = await verifyProjections({ journal, model, log, clock: systemClock });
    const rows = await allRows(model);
    return {
      log: dumped,
      tables: rows,
      records: await allRecords(model),
      checkpoints: Object.fromEntries(
        (rows['checkpoints'] ?? []).map((row) => [String(row['stream']), Number(row['seq'])]),
      ),
      differences,
      replicas: (await journal.info('WB_RUNS')).replicas,
    };
  } finally {
    await journal.close();
    await model.close();
  }
}

async function allMessages({ url, user, password }: NatsSettings): Promise<Evidence['log']> {
  const nc = await connect({
    servers: url.split(','),
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { pass: password }),
  });
  try {
    const jsm = await jetstreamManager(nc, { checkAPI: false });
    const dump = async (stream: StreamName) => [stream, await messagesOf(jsm, stream)] as const;
    const others = streamNames.filter((stream) => stream !== 'WB_AGENTS');
    const dumped = await Promise.all(others.map(dump));
    // Last: agents may register meanwhile and speak of their runs, and whoever speaks there must be found here.
    dumped.push(await dump('WB_AGENTS'));
    return Object.fromEntries(dumped) as Evidence['log']; // the keys are all of `streamNames`
  } finally {
    await nc.close();
  }
}

type Manager = Awaited<ReturnType<typeof jetstreamManager>>;
const batchMax = 1_000;

async function messagesOf(jsm: Manager, stream: StreamName): Promise<readonly LoggedMessage[]> {
  // A cluster may be choosing a leader of it.
  const { state } = await eventually(() => jsm.streams.info(stream), {
    withinMs: 30_000,
    what: `${stream} has a leader`,
  });
  const found: LoggedMessage[] = [];
  for (let next = Math.max(state.first_seq, 1); state.messages > 0 && next <= state.last_seq; ) {
    const before = next;
    for await (const message of await jsm.direct.getBatch(stream, { seq: next, batch: batchMax })) {
      const headers = Object.fromEntries(
        [...message.header].map(([name, values]) => [name, values.join(', ')]),
      );
      found.push({
        stream,
        seq: message.seq,
        at: Math.floor(message.time.getTime()),
        subject: message.subject,
        headers,
        header: (name) => (Object.hasOwn(headers, name) ? headers[name] : undefined),
        body: message.data,
      });
      next = message.seq + 1;
    }
    if (next === before) throw new Error(`${stream} gives nothing from ${next} on`);
  }
  return found;
}

async function allRows({ pool, schema }: ReadModel): Promise<Evidence['tables']> {
  const dumped = await Promise.all(
    Object.keys(tables).map(async (name) => {
      const { rows } = await pool.query<{ row: TableRow }>(
        `select row_to_json(t) as row from "${schema}"."${name}" t`,
      );
      return [name, rows.map(({ row }) => row)] as const;
    }),
  );
  return Object.fromEntries(dumped);
}

async function allRecords({ db }: ReadModel): Promise<readonly StoredRecord[]> {
  const rows = await db.selectFrom('run_records').selectAll().orderBy('last_seq').execute();
  return rows.map((row) => ({
    org: row.org,
    runId: row.run_id,
    firstSeq: row.first_seq,
    lastSeq: row.last_seq,
    sha256: row.sha256,
    previous: row.previous_sha256,
    body: row.body,
  }));
}
