/** The conformance kit for agents: a stand that the agent dials, every check in its order, and what the agent was seen to do. */
import { type Clock, newToken } from '@waybill/process';
import { wire } from '@waybill/protocol';
import type { CheckResult, Profile } from '../check.ts';
import { runChecks } from '../run-checks.ts';
import { createWatch } from '../watch.ts';
import { type AgentProcess, createAgentProcess } from './agent-process.ts';
import { type AgentCheck, createAgentTrial } from './agent-trial.ts';
import { type Capability, capabilitiesOf } from './capability.ts';
import { connectionChecks } from './connection-checks.ts';
import { extensionChecks } from './extension-checks.ts';
import { type KitJobs, shellJobs } from './kit-job.ts';
import { logChecks } from './log-checks.ts';
import type { Manner } from './manner.ts';
import { recordChecks } from './record-checks.ts';
import { refusalChecks } from './refusal-checks.ts';
import { requestChecks } from './request-checks.ts';
import { signInChecks } from './sign-in-checks.ts';
import { openStand } from './stand.ts';
import { toleranceChecks } from './tolerance-checks.ts';
import { workChecks } from './work-checks.ts';

const stops = (check: AgentCheck): boolean => check.name.startsWith('stops-');

/** In the order in which they run: what makes the agent stop for good comes last but for what looks back at everything. */
export const agentChecks: readonly AgentCheck[] = [
  ...signInChecks,
  ...workChecks,
  ...logChecks,
  ...refusalChecks,
  ...toleranceChecks,
  ...requestChecks,
  ...extensionChecks,
  ...connectionChecks.filter((check) => !stops(check)),
  ...connectionChecks.filter(stops),
  ...recordChecks,
];

export type AgentKitOptions = Readonly<{
  /** Where it listens; the agent is pointed there. */
  url: string;
  clock: Clock;
  profile: Profile;
  /** What the agent authenticates with; without one that is not demanded. */
  token?: string | undefined;
  /** Starts the agent; without one it is started by somebody else, now or before. */
  exec?:
    | Readonly<{ command: string; env: Readonly<Record<string, string | undefined>> }>
    | undefined;
  jobs?: KitJobs | undefined;
  /** Breaks the trial off. */
  signal?: AbortSignal;
  only?: readonly string[];
  slow?: boolean;
  withinMs?: number;
  quietMs?: number;
  ackMs?: number;
  onListening?: (url: string) => void;
  onResult?: (result: CheckResult) => void;
}>;

export type AgentReport = Readonly<{
  results: readonly CheckResult[];
  capabilities: readonly Capability[];
}>;

const usual = {
  withinMs: 15_000,
  quietMs: 1_500,
  ackMs: 10_000,
  leaseMs: 120_000,
  graceMs: 8_000,
} as const;

const seedManner: Manner = {
  auth: 'accept',
  register: 'ack',
  extensions: undefined,
  granted: false,
  leaseMs: usual.leaseMs,
  heartbeatAck: false,
  terminalAck: false,
  usageAck: false,
  approval: 'rejected',
  concurrency: 'proceed',
  requests: 'refuse',
  onOpen: 'greet',
};
const ourManner: Partial<Manner> = {
  extensions: wire.everyExtension,
  granted: true,
  heartbeatAck: true,
  terminalAck: true,
  usageAck: true,
};

export async function checkAgent(o: AgentKitOptions): Promise<AgentReport> {
  const { clock, profile } = o;
  const watch = createWatch(clock, o.signal);
  const withinMs = o.withinMs ?? usual.withinMs;
  const token = o.token ?? (o.exec === undefined ? undefined : newToken('kat_'));
  const stand = await openStand({
    url: new URL(o.url),
    watch,
    withinMs,
    manner: profile === 'waybill' ? { ...seedManner, ...ourManner } : seedManner,
  });
  const agent = processOf(o, stand.url, token);
  try {
    o.onListening?.(stand.url);
    const trial = createAgentTrial({
      stand,
      watch,
      clock,
      profile,
      token,
      jobs: o.jobs ?? shellJobs,
      process: agent,
      withinMs,
      quietMs: o.quietMs ?? usual.quietMs,
      ackMs: o.ackMs ?? usual.ackMs,
    });
    const results = await runChecks({
      checks: agentChecks,
      trial,
      clock,
      profile,
      only: o.only ?? [],
      slow: o.slow ?? false,
      secrets: token === undefined ? [] : [token],
      onResult: o.onResult ?? (() => undefined),
      settle: trial.settle,
    });
    return { results, capabilities: capabilitiesOf(trial.frames()) };
  } finally {
    await agent?.stop();
    await stand.stop();
  }
}

function processOf(
  { exec, clock }: AgentKitOptions,
  url: string,
  token: string | undefined,
): AgentProcess | undefined {
  if (exec === undefined) return undefined;
  return createAgentProcess({
    command: exec.command,
    clock,
    graceMs: usual.graceMs,
    env: {
      ...exec.env,
      WAYBILL_URL: url,
      ...(token === undefined ? {} : { WAYBILL_AGENT_TOKEN: token }),
      AGENT_ID: agentId,
      WAYBILL_AGENT_ID: agentId,
    },
  });
}

const agentId = 'conformance-agent';
