/** A thread that plays seeds: the hooks first, then everything that they are there for. What nobody catches ends its world. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Order, WorkerSetup } from './messages.ts';
import { installHooks } from './module-hooks.ts';
import { stage } from './stage.ts';

const { guard, keepsTrace } = workerData as WorkerSetup; // given by pool.ts, which alone starts this
installHooks(guard);
const { simulate } = await import('./simulation.ts');

process.on('unhandledRejection', (reason) => stage.world.fail(reason));
process.on('uncaughtException', (error) => stage.world.fail(error));

parentPort?.on('message', (order: Order) => {
  void (async () => {
    for (const seed of order.seeds) {
      const outcome = await simulate(seed, keepsTrace);
      const isDull = outcome.findings.length === 0 && !keepsTrace;
      parentPort?.postMessage(isDull ? { ...outcome, trace: [] } : outcome);
    }
  })();
});
