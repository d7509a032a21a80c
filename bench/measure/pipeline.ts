/**
 * A pipeline under load: fresh servers, a service process, agents and a producer, each a process of
 * its own. What was asked for is counted in Postgres; every wait has a bound, and whatever happens,
 * nothing stays behind.
 */
import { type Servers, startTestServers } from '@waybill/embedded';
import { Client } from 'pg';
import { z } from 'zod';
import type { Durability } from '../arguments.ts';
import { cpuSeconds } from './cpu-time.ts';
import { createDatabase } from './database.ts';
import type { Links } from './link.ts';
import { type Load, Produced, Seen } from './load.ts';
import { type Role, startRole } from './role.ts';
import { awaitRows } from './row-count.ts';
import { quantile } from './statistics.ts';

/** What is measured: the programs of its three roles, and how its rows are read. */
export type Plan = Readonly<{
  name: 'floor' | 'e2e';
  service: URL;
  agents: URL;
  producer: URL;
  /** Counts the finished runs, as `done`. */
  countDone: string;
  /** What is wrong with what lies in Postgres after `jobs` finished runs, in words. */
  complaints(database: Client, jobs: number): Promise<readonly string[]>;
}>;

export const processNames = ['service', 'agents', 'producer', 'nats', 'postgres'] as const;
export type ProcessName = (typeof processNames)[number];

export type Measured = Readonly<{
  jobs: number;
  rate: number | undefined;
  jobsPerSecond: number;
  dispatchP50Ms: number;
  dispatchP99Ms: number;
  /** CPU microseconds a job; absent where there is no `/proc`. */
  cpuMicros: Readonly<Record<ProcessName, number>> | undefined;
}>;

export type Pipeline = Readonly<{
  service: Role;
  measure(load: Load): Promise<Measured>;
  /** Throws when anything that was asked for is missing, twice there or wrong. */
  verify(): Promise<void>;
  stop(): Promise<void>;
}>;

const beginMs = 60_000;
const produceMs = 180_000;

export type PipelineOptions = Readonly<{
  durability: Durability;
  /** One for all pipelines; each gets a database of its own in it. */
  postgres: Servers['postgres'];
  /** NATS_SERVER_BIN. */
  natsServerBin?: string | undefined;
}>;

export async function startPipeline(plan: Plan, o: PipelineOptions): Promise<Pipeline> {
  const undo: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (const each of undo.splice(0).reverse()) await each();
  };
  const role = (name: string, file: URL): Role => {
    const started = startRole(`${plan.name} ${name}`, file);
    undo.push(started.quit);
    return started;
  };
  try {
    const { durability, natsServerBin } = o;
    const { nats, stop: stopNats } = await startTestServers({
      postgres: false,
      durability,
      natsServerBin,
    });
    undo.push(stopNats);
    const database = await createDatabase(o.postgres.url);
    undo.push(database.drop);
    const service = role('service', plan.service);
    const agents = role('agents', plan.agents);
    const producer = role('producer', plan.producer);
    const links = linksOf(nats, database.url);
    const address = await service.ask('begin', z.looseObject({}), {
      body: links,
      withinMs: beginMs,
    });
    const body = { ...links, ...address };
    await agents.ask('begin', z.unknown(), { body, withinMs: beginMs });
    await producer.ask('begin', z.unknown(), { body, withinMs: beginMs });
    const client = new Client({ connectionString: database.url });
    await client.connect();
    undo.push(() => client.end());
    const pids = {
      service: service.pid,
      agents: agents.pid,
      producer: producer.pid,
      nats: pidOf(nats),
      postgres: pidOf(o.postgres),
    };
    return { service, ...measuring({ plan, agents, producer, database: client, pids }), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

type Parts = Readonly<{
  plan: Plan;
  agents: Role;
  producer: Role;
  database: Client;
  pids: Readonly<Record<ProcessName, number>>;
}>;

function measuring({
  plan,
  agents,
  producer,
  database,
  pids,
}: Parts): Pick<Pipeline, 'measure' | 'verify'> {
  let asked = 0;
  let repeated = 0;
  return {
    measure: async (load) => {
      asked += load.jobs;
      const before = cpuOf(pids);
      const [produced, doneMs] = await Promise.all([
        producer.ask('produce', Produced, { body: load, withinMs: produceMs }),
        awaitRows(database, plan.countDone, asked),
      ]);
      const after = cpuOf(pids);
      const seen = await agents.ask('seen', Seen);
      repeated += seen.repeated;
      return {
        jobs: load.jobs,
        rate: load.rate,
        jobsPerSecond: (load.jobs * 1_000) / (doneMs - produced.firstSentMs),
        dispatchP50Ms: quantile(seen.latenciesMs, 0.5),
        dispatchP99Ms: quantile(seen.latenciesMs, 0.99),
        cpuMicros: before && after && perJob(before, after, load.jobs),
      };
    },
    verify: async () => {
      const complaints = [...(await plan.complaints(database, asked))];
      if (repeated > 0) complaints.push(`${repeated} dispatches reached their agent twice`);
      if (complaints.length > 0) throw new Error(`${plan.name} is wrong: ${complaints.join('; ')}`);
    },
  };
}

type CpuByProcess = Readonly<Record<ProcessName, number>>;

function cpuOf(pids: CpuByProcess): CpuByProcess | undefined {
  const entries = processNames.map((name) => [name, cpuSeconds(pids[name])] as const);
  if (entries.some(([, seconds]) => seconds === undefined)) return undefined;
  return byProcess((name) => entries.find(([each]) => each === name)?.[1] ?? 0);
}

const perJob = (before: CpuByProcess, after: CpuByProcess, jobs: number): CpuByProcess =>
  byProcess((name) => ((after[name] - before[name]) * 1e6) / jobs);

export const byProcess = (value: (name: ProcessName) => number): CpuByProcess => ({
  service: value('service'),
  agents: value('agents'),
  producer: value('producer'),
  nats: value('nats'),
  postgres: value('postgres'),
});

function linksOf({ url, user, password }: Servers['nats'], databaseUrl: string): Links {
  return { nats: { url, user, password }, postgres: { url: databaseUrl } };
}

function pidOf({ pid }: Readonly<{ pid?: number }>): number {
  if (pid === undefined) throw new Error('an embedded server has a process');
  return pid;
}
