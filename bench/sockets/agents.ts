/**
 * Many light agents over plain `ws` in one process, as the published protocol has them: they sign in, register, take jobs, say that
 * they live, and dial again with its pauses when their socket ends. A job runs until it is told to end.
 */
import { systemClock } from '@waybill/process';
import { z } from 'zod';
import { answerAs } from '../measure/role-process.ts';
import { Begin, type State } from './fleet-question.ts';
import { type Agent, type AgentPlace, openAgent, type Tally } from './light-agent.ts';

const dialsAtOnce = 100;
const heartbeatMs = 30_000;
const slices = 30;

const agents: Agent[] = [];
let latenciesMs: number[] = [];
let repeated = 0;
const tally: Tally = {
  registrations: 0,
  lastRegisteredMs: 0,
  dials: 0,
  refused: 0,
  closed: {},
  dispatched: (latencyMs, isRepeat) => {
    latenciesMs.push(latencyMs);
    repeated += isRepeat ? 1 : 0;
  },
};

async function begin(place: Begin): Promise<void> {
  const { name, count, ...rest } = place;
  let next = 0;
  const dial = async (): Promise<void> => {
    while (next < count) {
      const at: AgentPlace = { ...rest, agentId: `${name}-${next++}` };
      const agent = openAgent(at, tally);
      agents.push(agent);
      await agent.registered();
    }
  };
  await Promise.all(Array.from({ length: Math.min(dialsAtOnce, count) }, dial));
}

let slice = 0;
systemClock.every(heartbeatMs / slices, () => {
  for (let at = slice; at < agents.length; at += slices) agents[at]?.heartbeat();
  slice = (slice + 1) % slices;
});

answerAs({
  begin: (body) => begin(Begin.parse(body)),
  state: (): State => ({
    registered: agents.filter((agent) => agent.isRegistered()).length,
    running: agents.reduce((sum, agent) => sum + agent.running(), 0),
    registrations: tally.registrations,
    lastRegisteredMs: tally.lastRegisteredMs,
    dials: tally.dials,
    refused: tally.refused,
    closed: tally.closed,
  }),
  finish: () => {
    for (const agent of agents) agent.finish();
  },
  freeze: () => {
    for (const agent of agents) agent.freeze();
  },
  /** So many requests of each, whose answers have about as many bytes. */
  ask: (body) => {
    const { requests, bytes } = z.object({ requests: z.int(), bytes: z.int() }).parse(body);
    for (const agent of agents) agent.ask(requests, bytes);
  },
  seen: () => {
    const seen = { latenciesMs, repeated };
    latenciesMs = [];
    repeated = 0;
    return seen;
  },
  leave: async () => {
    await Promise.all(agents.splice(0).map((agent) => agent.leave()));
  },
});
