/** An agent of our SDK: the product's own, with work that only takes time. It writes down what it runs, and under which fence. */
import { createAgent, JobAborted, type Run } from '@waybill/agent';
import type { Clock, Logger } from '@waybill/process';
import type { Ledger } from './ledger.ts';
import type { Life } from './life.ts';
import { workOf } from './work.ts';
import type { World } from './world.ts';

export type AgentOptions = Readonly<{
  world: World;
  life: Life;
  clock: Clock;
  log: Logger;
  ledger: Ledger;
  agentId: string;
  labels: readonly string[];
  capacity: number;
  token: string;
  host: string;
}>;

export type SimAgent = Readonly<{ stop(): Promise<void> }>;

const againMs = 1_000;

export function startSdkAgent(o: AgentOptions): SimAgent {
  const { world, life, clock, log, ledger, agentId, labels, token, host } = o;

  const run: Run = async ({ dispatch, signal, step, log: line }) => {
    const { runId, jobId, fence = null } = dispatch;
    const work = workOf(world.random, dispatch.jobConfig);
    const entry = { agentId, kind: 'granted', runId, wireJobId: jobId, fence } as const;
    ledger.write(life, { ...entry, what: 'start' });
    try {
      if (work.steps) step(0, 'work', 'running');
      if (work.lines) line(0, ['working']);
      await clock.sleep(work.ms / 2, signal);
      if (work.lines) line(0, ['still working']);
      await clock.sleep(work.ms / 2, signal);
      if (work.steps) step(0, 'work', work.outcome === 'success' ? 'success' : 'failed');
      if (work.outcome === 'thrown') throw new Error('the work went wrong');
      return { state: work.outcome };
    } catch (error) {
      if (!(signal.reason instanceof JobAborted)) throw error;
      return { state: signal.reason.code === 'cancelled' ? 'cancelled' : 'failed' };
    } finally {
      ledger.write(life, { ...entry, what: 'stop' });
    }
  };
  const made = () =>
    createAgent(
      {
        url: `ws://${host}/ws`,
        token,
        agentId,
        labels,
        maxConcurrency: o.capacity,
        clock,
        log,
        random: world.random.next,
      },
      run,
    );
  let agent = made();
  let isStopped = false;
  const live = (): void => {
    agent.start();
    // Its scaler lets go what has had nothing to do for long, and makes another one.
    void agent.idle.then(async () => {
      await agent.stop();
      await clock.sleep(againMs);
      if (isStopped) return;
      agent = made();
      live();
    });
  };
  live();
  return {
    stop: () => {
      isStopped = true;
      return agent.stop();
    },
  };
}
