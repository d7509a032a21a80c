/**
 * One whole Waybill for the proofs of the protocol's fields: every service, real servers, agents over plain WebSocket that say exactly
 * what a test says, and what was stored of it, read from the log itself, from the API and from its addresses.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Journal, openJournal } from '@waybill/journal';
import { createLogger, systemClock } from '@waybill/process';
import { eventually } from '@waybill/process/testing';
import {
  parseJson,
  readAgentMessage,
  readRunMessage,
  type StoredMessage,
  subjects,
} from '@waybill/protocol';
import { z } from 'zod';
import { openHome } from '../e2e/waybill.fixture.ts';
import { connect, type Frame, type Peer } from './peer.fixture.ts';

const Credentials = z.object({ url: z.string(), apiKey: z.string(), agentToken: z.string() });
const Servers = z.looseObject({
  NATS_URL: z.string(),
  NATS_USER: z.string(),
  NATS_PASSWORD: z.string(),
});

export type Job = Readonly<{ runId: string; jobId: string }>;
/** As it was appended, without its envelope. */
export type Fact = Readonly<{ seq: number; type: string; body: Readonly<Record<string, unknown>> }>;
export type Json = Readonly<Record<string, unknown>>;
export type Taken = Readonly<{ job: Job; dispatch: Frame }>;

export type World = Readonly<{
  org: string;
  token: string;
  wsUrl: string;
  api(method: string, path: string, body?: object, headers?: object): Promise<Json>;
  /** A socket that has said nothing yet. */
  socket(): Promise<Peer>;
  /** Signed in and registered with the given frame. */
  agent(register: Json & Readonly<{ agentId: string }>): Promise<Peer>;
  start(request: object): Promise<string>;
  /** The next job that the agent is given, acknowledged. */
  take(peer: Peer): Promise<Taken>;
  facts(runId: string): Promise<readonly Fact[]>;
  /** The newest fact of that type that fits, once it is there. */
  fact(runId: string, type: string, fits?: (body: Json) => boolean): Promise<Fact>;
  agentFact(agentId: string, type: string, fits?: (body: Json) => boolean): Promise<Fact>;
  bodies(stream: StoredMessage['stream'], filter: string): Promise<readonly Json[]>;
  run(runId: string, is?: (run: RunAnswer) => boolean): Promise<RunAnswer>;
  /** What its processes have said. */
  logged(): string;
  close(): Promise<void>;
}>;

const RunAnswer = z.looseObject({ state: z.string(), jobs: z.array(z.looseObject({})) });
export type RunAnswer = z.infer<typeof RunAnswer>;

/** A list of an answer; empty where it is none. */
export const listOf = (value: unknown): readonly Json[] =>
  Array.isArray(value) ? value.map(record) : [];

const record = (value: unknown): Json => z.record(z.string(), z.unknown()).parse(value);

export async function openWorld(): Promise<World> {
  const home = await openHome();
  const peers: Peer[] = [];
  const waybill = await home.up();
  const file = readFileSync(join(home.folder, 'credentials.json'), 'utf8');
  const { url, apiKey, agentToken } = Credentials.parse(JSON.parse(file));
  const servers = Servers.parse(await home.servers());
  const journal: Journal = await openJournal({
    nats: { url: servers.NATS_URL, user: servers.NATS_USER, password: servers.NATS_PASSWORD },
    name: 'coverage',
    clock: systemClock,
    log: createLogger({ name: 'coverage', level: 'silent' }),
  });
  const org = 'main';
  const wsUrl = `${url.replace('http', 'ws')}/ws`;

  const api: World['api'] = async (method, path, body, headers = {}) => {
    const answer = await fetch(`${url}/v1/orgs/${org}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${apiKey}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return record(await answer.json());
  };
  const load = (stream: StoredMessage['stream'], filter: string) =>
    journal.load(stream, filter, { leader: true });
  const facts: World['facts'] = async (runId) =>
    (await load('WB_RUNS', subjects.runFilter(org, runId))).flatMap((message) =>
      factOf(message, readRunMessage(message)?.type),
    );
  const agentFacts = async (agentId: string): Promise<readonly Fact[]> =>
    (await load('WB_AGENTS', subjects.agent(org, agentId, '*'))).flatMap((message) =>
      factOf(message, readAgentMessage(message)?.type),
    );
  const socket: World['socket'] = async () => {
    const peer = await connect(wsUrl);
    peers.push(peer);
    return peer;
  };

  return {
    org,
    token: agentToken,
    wsUrl,
    api,
    socket,
    agent: async (register) => {
      const peer = await socket();
      peer.send({ type: 'auth.request', token: agentToken, protocolVersion: 1 });
      await peer.next('auth.success');
      peer.send({
        type: 'agent.register',
        messageId: `register-${register.agentId}`,
        labels: [],
        ...register,
      });
      await peer.next('register.ack');
      return peer;
    },
    start: async (request) => String((await api('POST', '/runs', request))['runId']),
    take: async (peer) => {
      const dispatch = await peer.next('job.dispatch');
      const { runId, jobId, attempt, fence } = dispatch;
      const job = { runId: String(runId), jobId: String(jobId) };
      const echo = attempt === undefined ? {} : { attempt, fence };
      peer.send({ type: 'job.ack', messageId: `ack-${job.jobId}`, ...job, ...echo, timestamp: 1 });
      return { job, dispatch };
    },
    facts,
    fact: (runId, type, fits = () => true) =>
      found(() => facts(runId), type, fits, `a fact ${type} in ${runId}`),
    agentFact: (agentId, type, fits = () => true) =>
      found(() => agentFacts(agentId), type, fits, `a word ${type} of ${agentId}`),
    bodies: async (stream, filter) =>
      (await load(stream, filter)).map((message) => record(parseJson(message.body))),
    run: (runId, is = () => true) =>
      eventually(
        async () => {
          const run = RunAnswer.parse(await api('GET', `/runs/${runId}`));
          return is(run) ? run : undefined;
        },
        { what: `run ${runId}`, withinMs: 20_000 },
      ),
    logged: () => waybill.stdout() + waybill.stderr(),
    close: async () => {
      for (const peer of peers) peer.close();
      await journal.close();
      await home.close();
    },
  };
}

const factOf = (message: StoredMessage, type: string | undefined): readonly Fact[] =>
  type === undefined ? [] : [{ seq: message.seq, type, body: record(parseJson(message.body)) }];

const found = (
  read: () => Promise<readonly Fact[]>,
  type: string,
  fits: (body: Json) => boolean,
  what: string,
): Promise<Fact> =>
  eventually(async () => (await read()).findLast((each) => each.type === type && fits(each.body)), {
    what,
    withinMs: 20_000,
  });
