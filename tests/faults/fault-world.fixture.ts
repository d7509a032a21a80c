/**
 * A whole Waybill with agents of every manner and clients that insist: what fault tests break. `evidence()` is what all of them
 * wrote down, with what the servers hold.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Journal, openJournal } from '@waybill/journal';
import { createLogger, systemClock } from '@waybill/process';
import { eventually } from '@waybill/process/testing';
import { projectionStatus } from '@waybill/projector/projections';
import { foldRun, type Run, readRunMessage, subjects } from '@waybill/protocol';
import { connectReadModel, type ReadModel } from '@waybill/readmodel';
import { z } from 'zod';
import { type Home, openHome, type Staying } from '../e2e/waybill.fixture.ts';
import type { Disturbance, Evidence } from '../support/evidence.ts';
import { gatherEvidence } from '../support/evidence-gathering.ts';
import { violationsOf } from '../support/invariants.ts';
import { drive, openClient } from './client.fixture.ts';
import { openFleet } from './fleet.fixture.ts';
import type { Random } from './random.fixture.ts';

export type FaultWorld = Awaited<ReturnType<typeof openFaultWorld>>;

const Credentials = z.looseObject({
  org: z.string(),
  apiKey: z.string(),
  agentToken: z.string(),
  webhookSecret: z.string(),
});

/** `env`: of every process. `gateways`: ports that agents dial, where the api does not hand its sockets over. */
export type FaultWorldOptions = Readonly<{
  env?: Readonly<Record<string, string>>;
  gateways?: readonly number[];
  home?: Home;
}>;

export async function openFaultWorld({ env = {}, gateways, ...o }: FaultWorldOptions = {}) {
  const home = o.home ?? (await openHome());
  const folder = mkdtempSync(join(tmpdir(), 'waybill-fault-'));
  const log = createLogger({ name: 'fault', level: 'silent' });
  const processes: { name: string; one: Staying }[] = [];
  const disturbances: Disturbance[] = [];
  const at = `127.0.0.1:${home.port}`;

  const credentials = async (): Promise<z.infer<typeof Credentials>> =>
    Credentials.parse(JSON.parse(await readFile(join(home.folder, 'credentials.json'), 'utf8')));
  const client = openClient(`http://${at}`, credentials);
  const fleet = openFleet({
    urls: (gateways ?? [home.port]).map((port) => `ws://127.0.0.1:${port}/ws`),
    token: async () => (await credentials()).agentToken,
    folder,
  });

  const stay = (args: readonly string[], more: Readonly<Record<string, string>> = {}): Staying => {
    const one = home.stay(args, { ...env, ...more });
    processes.push({ name: `${args.join(' ')} ${processes.length}`, one });
    return one;
  };
  const up = async (): Promise<Staying> => {
    const one = stay(['up']);
    await one.says('Waybill is up', 60_000);
    return one;
  };
  const servers = async () => {
    const given = await home.servers();
    const { NATS_URL: url = '', NATS_USER: user, NATS_PASSWORD: password } = given;
    return { nats: { url, user, password }, databaseUrl: given['DATABASE_URL'] ?? '', log };
  };
  /** Past everything that is tested. */
  const withJournal = async <T>(work: (journal: Journal) => Promise<T>): Promise<T> => {
    const { nats } = await servers();
    const journal = await openJournal({ nats, name: 'fault-test', clock: systemClock, log });
    try {
      return await work(journal);
    } finally {
      await journal.close();
    }
  };
  const evidence = async (): Promise<Evidence> => {
    const { apiKey, agentToken, webhookSecret } = await credentials();
    const said = processes.map(({ name, one }) => [name, one.stdout() + one.stderr()] as const);
    return {
      ...(await gatherEvidence(await servers())),
      diary: fleet.diary.read(),
      ledger: client.ledger,
      output: Object.fromEntries(said),
      canaries: [...client.canaries, apiKey, agentToken, webhookSecret],
      disturbances,
    };
  };
  const isQuiet = async (journal: Journal, model: ReadModel): Promise<boolean> => {
    const status = await projectionStatus({ journal, model, log });
    return (
      fleet.busy() === 0 && status.every(({ lag }) => lag === 0) && !(await hasOpenWork(model))
    );
  };

  return {
    home,
    client,
    fleet,
    up,
    service: (name: string, more?: Readonly<Record<string, string>>): Staying => stay([name], more),
    withJournal,
    /** Something of ours does not work until it is over. */
    disturbed: async <T>(work: () => Promise<T>): Promise<T> => {
      const from = systemClock.now();
      try {
        return await work();
      } finally {
        disturbances.push({ from, to: systemClock.now() });
      }
    },
    evidence,
    /** Sends so many requests, and waits until WB_RUNS has so many events more than before. */
    driven: (
      requests: number,
      random: Random,
      { untilGrownBy }: Readonly<{ untilGrownBy: number }>,
    ): Promise<void> =>
      explained(() =>
        withJournal(async (journal) => {
          const bound = { withinMs: 60_000, everyMs: 10 };
          const info = () => journal.info('WB_RUNS');
          const { lastSeq } = await eventually(info, { ...bound, what: 'WB_RUNS answers' });
          await drive(client, requests, random);
          await eventually(async () => (await info()).lastSeq >= lastSeq + untilGrownBy, {
            ...bound,
            what: `${untilGrownBy} events more in WB_RUNS`,
          });
        }),
      ),
    /** Waits until the run stands as asked for, and gives it. */
    runIs: (runId: string, what: string, probe: (run: Run) => boolean, withinMs = 30_000) =>
      withJournal((journal) =>
        eventually(
          async () => {
            const { org } = await credentials();
            const messages = await journal.load('WB_RUNS', subjects.runFilter(org, runId));
            const run = foldRun(messages.flatMap((message) => readRunMessage(message) ?? []));
            return probe(run) && run;
          },
          { withinMs, everyMs: 50, what: `run ${runId} ${what}` },
        ),
      ),
    /** As this process counts it: the servers may be away, and whoever is tested may stand still. */
    passes: async (ms: number): Promise<void> => {
      const until = systemClock.monotonicMs() + ms;
      const isOver = (): boolean => systemClock.monotonicMs() >= until;
      await eventually(isOver, { withinMs: ms + 5_000, what: `${ms} ms` });
    },
    /** Everything answered, every run ended and in the tables, nothing on its way. */
    quiet: async (withinMs: number): Promise<void> => {
      const { databaseUrl } = await servers();
      const model = connectReadModel({ databaseUrl, log, max: 2 });
      try {
        await explained(() =>
          withJournal((journal) =>
            eventually(async () => client.open() === 0 && (await isQuiet(journal, model)), {
              withinMs,
              everyMs: 250,
              what: 'every run has ended and is in the tables',
            }),
          ),
        );
      } finally {
        await model.close();
      }
    },
    close: async (): Promise<void> => {
      client.stop();
      await fleet.stop();
      await home.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };

  /** Whoever waits in vain wants to know how everything stands. */
  async function explained<T>(waiting: () => Promise<T>): Promise<T> {
    try {
      return await waiting();
    } catch (cause) {
      const found = violationsOf(await evidence());
      const told = found.map(({ invariant, seq, what }) => `${invariant} @${seq}: ${what}`);
      const requests = `${client.open()} requests open`;
      throw new Error([String(cause), requests, ...told].join('\n'), { cause });
    }
  }
}

async function hasOpenWork({ db }: ReadModel): Promise<boolean> {
  const [triggers, runs] = await Promise.all([
    db.selectFrom('triggers').select(['decision', 'runs']).execute(),
    db.selectFrom('runs').select('completed_at').execute(),
  ]);
  const wanted = triggers.reduce(
    (sum, { runs }) => sum + (Array.isArray(runs) ? runs.length : 0),
    0,
  );
  return (
    triggers.some(({ decision }) => decision === null) ||
    runs.length < wanted ||
    runs.some((run) => run.completed_at === null)
  );
}
