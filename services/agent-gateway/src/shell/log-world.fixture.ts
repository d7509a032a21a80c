/** The log around a gateway under test: runs and offers appended by hand, as a dispatcher would, and what lies there read back. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { Writable } from 'node:stream';
import { type Journal, type NatsSettings, openJournal } from '@waybill/journal';
import {
  createKeyRing,
  createLogger,
  type KeyRing,
  type Logger,
  type ManualClock,
  seal,
  serialiseKeyRing,
  systemClock,
} from '@waybill/process';
import { eventually } from '@waybill/process/testing';
import {
  type AgentEvent,
  type DecisionType,
  decisionId,
  foldRun,
  type Job,
  type JobSpec,
  jobId,
  parseJson,
  type Run,
  type RunCreated,
  type RunEvent,
  type RunEventOf,
  readAgentMessage,
  readRunMessage,
  runDraft,
  runId,
  type StoredMessage,
  subjects,
  triggerId,
  wireJobId,
} from '@waybill/protocol';
import { SCALER_TOKEN, TOKEN } from '../../../../tests/support/plain-agent.ts';
import { agentGatewayService } from '../service.ts';

export type NatsLogin = Readonly<{ url: string; user?: string; password?: string }>;

/** `ring`: what its secrets are sealed with, if not what gateways have. */
export type RunOptions = Readonly<{
  jobs?: number;
  secrets?: unknown;
  ring?: KeyRing;
  staleMs?: number;
  /** What its creation says beside the usual. */
  created?: Partial<RunCreated>;
  /** What its jobs say beside the usual, by index. */
  job?: (index: number) => Partial<JobSpec>;
  /** What its agents reach other places with. */
  credentials?: unknown;
}>;
export type OfferOptions = Readonly<{
  attempt?: number;
  job?: number;
  agentId: string;
  session: number;
  ackTimeoutMs?: number;
}>;

export type TestRun = Readonly<{
  runId: string;
  jobId(index?: number): string;
  wireId(attempt?: number, index?: number): string;
  events(): Promise<readonly RunEvent[]>;
  types(): Promise<readonly string[]>;
  fold(): Promise<Run>;
  job(index?: number): Promise<Job>;
  offer(o: OfferOptions): Promise<number>;
  /** `to`: the agent that a cancel is addressed to. */
  decide(type: Exclude<DecisionType, 'job.offered'>, body: object, to?: string): Promise<number>;
  /** A person wants the end of it. */
  cancelled(reason: string): Promise<void>;
  /** A person's word about an approval. */
  votes(approvalId: string, decision: 'approve' | 'reject', reason?: string): Promise<void>;
  /** Waits until the run has an event of that type, the newest of them. */
  has<T extends RunEvent['type']>(type: T, count?: number): Promise<Extract<RunEvent, { type: T }>>;
  jobState(state: string, index?: number): Promise<Job>;
}>;

export type GatewayOptions = Readonly<{
  id?: string;
  clock?: ManualClock;
  listen?: boolean;
  /** Where the store of objects is reached; nothing is stored without it. */
  publicUrl?: string;
}>;
/** A gateway in a process of its own. */
export type GatewayProcess = Readonly<{
  url: string;
  /** What it has logged, as text. */
  logged(): string;
  isAlive(): boolean;
  signal(signal: NodeJS.Signals): void;
  kill(): Promise<void>;
}>;
export type TestGateway = Readonly<{
  url: string;
  stop(): Promise<void>;
  service: ReturnType<typeof agentGatewayService>;
}>;

export type LogWorld = Readonly<{
  org: string;
  journal: Journal;
  ring: KeyRing;
  /** Everything that was logged, as text. */
  logged(): string;
  gateway(o?: GatewayOptions): Promise<TestGateway>;
  /** `openFiles`: its limit. */
  process(id?: string, o?: Readonly<{ openFiles?: number }>): Promise<GatewayProcess>;
  run(o?: RunOptions): Promise<TestRun>;
  agentEvents(agentId: string): Promise<readonly AgentEvent[]>;
  session(agentId: string): Promise<number>;
  hasAgent(agentId: string, type: AgentEvent['type'], count?: number): Promise<AgentEvent>;
  stored(stream: StoredMessage['stream'], filter: string): Promise<readonly StoredMessage[]>;
  close(): Promise<void>;
}>;

/** Of a stored log chunk. */
export function firstLine(chunk: StoredMessage): string {
  const frame = parseJson(chunk.body);
  const lines: unknown =
    typeof frame === 'object' && frame !== null ? Reflect.get(frame, 'lines') : undefined;
  return Array.isArray(lines) ? String(lines[0]) : 'not a chunk';
}

let worlds = 0;

export async function openLogWorld(nats: NatsLogin): Promise<LogWorld> {
  worlds += 1;
  const org = `org${worlds}`;
  const lines: string[] = [];
  const destination = new Writable({
    write: (chunk, _encoding, done) => {
      lines.push(String(chunk));
      done();
    },
  });
  const log: Logger = createLogger({ name: 'test', level: 'debug', destination });
  const settings: NatsSettings = nats;
  const journal = await openJournal({ nats: settings, name: 'test', clock: systemClock, log });
  await journal.provision();
  const ring = await createKeyRing();
  const ringText = await serialiseKeyRing(ring);
  const stops = new Set<() => Promise<void>>();
  let runs = 0;

  const gateway = async (o: GatewayOptions = {}): Promise<TestGateway> => {
    const service = agentGatewayService(
      {
        LOG_LEVEL: 'debug',
        NATS_URL: nats.url,
        NATS_USER: nats.user,
        NATS_PASSWORD: nats.password,
        WAYBILL_HOST: '127.0.0.1',
        WAYBILL_PORT: 0,
        WAYBILL_ORG: org,
        WAYBILL_AGENT_TOKEN: TOKEN,
        WAYBILL_SCALER_TOKEN: SCALER_TOKEN,
        WAYBILL_KEY_RING: ringText,
        WAYBILL_GATEWAY_ID: o.id ?? `gateway-${org}`,
        WAYBILL_GATEWAY_LISTEN: o.listen ?? true,
        WAYBILL_PUBLIC_URL: o.publicUrl,
        S3_REGION: 'us-east-1',
      },
      { clock: o.clock ?? systemClock, log },
    );
    await service.start(new AbortController().signal, () => undefined);
    let stopped: Promise<void> | undefined;
    const stop = (): Promise<void> => (stopped ??= service.stop());
    stops.add(stop);
    return { url: `ws://127.0.0.1:${service.port()}/ws`, stop, service };
  };

  const env = {
    NATS_URL: nats.url,
    NATS_USER: nats.user ?? '',
    NATS_PASSWORD: nats.password ?? '',
    WAYBILL_PORT: '0',
    WAYBILL_ORG: org,
    WAYBILL_AGENT_TOKEN: TOKEN,
    WAYBILL_SCALER_TOKEN: SCALER_TOKEN,
    WAYBILL_KEY_RING: ringText,
  };
  const gatewayProcess: LogWorld['process'] = async (id = `gateway-${org}`, o = {}) => {
    const main = path.join(import.meta.dirname, '..', 'main.ts');
    const limited = `ulimit -n ${o.openFiles} && exec "$0" "$1"`;
    const [command, argv] =
      o.openFiles === undefined
        ? [process.execPath, [main]]
        : ['sh', ['-c', limited, process.execPath, main]];
    const child = spawn(command, argv, {
      env: { ...process.env, ...env, WAYBILL_GATEWAY_ID: id },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let printed = '';
    child.stdout.on('data', (chunk) => {
      printed += String(chunk);
    });
    const kill = async (): Promise<void> => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    };
    stops.add(kill);
    const port = await eventually(() => /"port":(\d+)/.exec(printed)?.[1], {
      withinMs: 15_000,
      what: 'a gateway of its own',
    });
    return {
      url: `ws://127.0.0.1:${port}/ws`,
      logged: () => printed,
      isAlive: () => child.exitCode === null && child.signalCode === null,
      signal: (signal) => void child.kill(signal),
      kill,
    };
  };

  const append = async (
    draft: Parameters<Journal['append']>[0],
    lastSeq: number,
  ): Promise<number> => {
    const filter = subjects.runFilter(org, draft.meta.runId ?? '');
    const appended = await journal.append(draft, { filter, lastSeq });
    if (appended.outcome !== 'stored') throw new Error(`not stored: ${JSON.stringify(appended)}`);
    return appended.seq;
  };

  const run = async (o: RunOptions = {}): Promise<TestRun> => {
    runs += 1;
    const id = runId(triggerId(org, 'api', `delivery-${runs}`), 0);
    const sealed =
      o.secrets === undefined
        ? undefined
        : await seal(o.ring ?? ring, o.secrets, { org, run: id, field: 'secrets' });
    const created =
      o.credentials === undefined
        ? o.created
        : {
            ...o.created,
            credentials: await seal(ring, o.credentials, { org, run: id, field: 'credentials' }),
          };
    await append(createdDraft(org, id, { ...o, ...(created && { created }) }, sealed), 0);
    return testRun({ journal, org, id, append });
  };

  const stored: LogWorld['stored'] = (stream, filter) =>
    journal.load(stream, filter, { leader: true });
  const agentEvents: LogWorld['agentEvents'] = async (agentId) => {
    const messages = await stored('WB_AGENTS', subjects.agent(org, agentId, '*'));
    return messages.flatMap((message) => readAgentMessage(message) ?? []);
  };
  return {
    org,
    journal,
    ring,
    logged: () => lines.join(''),
    gateway,
    process: gatewayProcess,
    run,
    agentEvents,
    session: async (agentId) =>
      (await agentEvents(agentId)).findLast((event) => event.type === 'registered')?.seq ?? 0,
    hasAgent: (agentId, type, count = 1) =>
      eventually(
        async () => (await agentEvents(agentId)).filter((event) => event.type === type)[count - 1],
        {
          what: `${count} event(s) ${type} of ${agentId}`,
        },
      ),
    stored,
    close: async () => {
      await Promise.all([...stops].map((stop) => stop()));
      await journal.close();
    },
  };
}

function createdDraft(
  org: string,
  id: string,
  { jobs = 1, staleMs = 120_000, created = {}, job = () => ({}) }: RunOptions,
  secrets: unknown,
): ReturnType<typeof runDraft> {
  const names = Array.from({ length: jobs }, (_, index) => `job ${index}`);
  return runDraft({
    org,
    runId: id,
    type: 'run.created',
    meta: {
      id: decisionId(org, id, 'run.created', '', 0),
      source: '/waybill/dispatcher',
      requestId: `req-${id}`,
    },
    body: {
      runId: id,
      org,
      trigger: {
        triggerId: id.slice(0, 26),
        source: 'api',
        kind: 'manual',
        event: 'run',
        deliveryId: 'd',
      },
      rule: null,
      workflow: 'ci',
      repoUrl: '',
      ref: '',
      sha: '',
      event: null,
      ...(secrets === undefined ? {} : { secrets }),
      jobs: names.map((name, index) => ({
        jobId: jobId(id, index),
        name,
        runsOn: [],
        needs: [],
        config: { name, steps: [] },
        withEvent: false,
        ...job(index),
      })),
      offersMax: 5,
      ackTimeoutMs: 10_000,
      recoveryMs: 120_000,
      staleMs,
      ...created,
    },
  });
}

type RunParts = Readonly<{
  journal: Journal;
  org: string;
  id: string;
  append: (draft: Parameters<Journal['append']>[0], lastSeq: number) => Promise<number>;
}>;

function testRun({ journal, org, id, append }: RunParts): TestRun {
  const events = async (): Promise<readonly RunEvent[]> => {
    const messages = await journal.load('WB_RUNS', subjects.runFilter(org, id), { leader: true });
    return messages.flatMap((message) => readRunMessage(message) ?? []);
  };
  const fold = async (): Promise<Run> => foldRun(await events());
  const job = async (index = 0): Promise<Job> => {
    const found = (await fold()).jobs[index];
    if (found === undefined) throw new Error(`no job ${index}`);
    return found;
  };
  const meta = (type: DecisionType, about: string, seq: number) => ({
    id: decisionId(org, id, type, about, seq),
    source: '/waybill/dispatcher',
    requestId: `req-${id}`,
  });
  return {
    runId: id,
    jobId: (index = 0) => jobId(id, index),
    wireId: (attempt = 1, index = 0) => wireJobId(jobId(id, index), attempt),
    events,
    types: async () => (await events()).map((event) => event.type),
    fold,
    job,
    offer: async ({ attempt = 1, job: index = 0, agentId, session, ackTimeoutMs = 10_000 }) => {
      const { seq } = await fold();
      const about = `${jobId(id, index)}.${attempt}`;
      const body: RunEventOf<'job.offered'>['body'] = {
        jobId: jobId(id, index),
        attempt,
        fence: seq,
        agentId,
        session,
        ackTimeoutMs,
        reason: attempt === 1 ? 'initial' : 'retry',
      };
      const draft = runDraft({
        org,
        runId: id,
        type: 'job.offered',
        to: agentId,
        meta: { ...meta('job.offered', about, seq), jobId: body.jobId, attempt, fence: seq },
        body,
      });
      return append(draft, seq);
    },
    decide: async (type, body, to) => {
      const { seq } = await fold();
      const draft = runDraft({
        org,
        runId: id,
        type,
        meta: meta(type, jobId(id, 0), seq),
        body: JSON.stringify(body),
        ...(to === undefined ? {} : { to }),
      });
      return append(draft, seq);
    },
    cancelled: async (reason) => {
      const asked = runDraft({
        org,
        runId: id,
        type: 'cancel.requested',
        meta: { id: `${id}:cancel`, source: '/test' },
        body: JSON.stringify({ reason, by: 'ada' }),
      });
      const answer = await journal.append(asked);
      if (answer.outcome !== 'stored') throw new Error(`not stored: ${answer.outcome}`);
    },
    votes: async (approvalId, decision, reason) => {
      const answer = await journal.append(
        runDraft({
          org,
          runId: id,
          type: 'approval.answered',
          meta: {
            id: `${approvalId}:${decision}`,
            source: '/waybill/api',
            jobId: jobId(id, 0),
          },
          body: {
            approvalId,
            by: 'ada',
            teams: [],
            decision,
            ...(reason === undefined ? {} : { reason }),
          },
        }),
      );
      if (answer.outcome !== 'stored') throw new Error(`not stored: ${answer.outcome}`);
    },
    has: async (type, count = 1) => {
      const found = await eventually(
        async () => (await events()).filter((event) => event.type === type)[count - 1],
        {
          what: `${count} event(s) ${type} in the run`,
        },
      );
      return found as Extract<RunEvent, { type: typeof type }>; // filtered by that type
    },
    jobState: (state, index = 0) =>
      eventually(
        async () => {
          const found = await job(index);
          return found.state === state ? found : undefined;
        },
        { what: `job ${index} being ${state}` },
      ),
  };
}
