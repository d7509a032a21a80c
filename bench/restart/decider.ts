/** The dispatcher or the scheduler alone, as it is started by itself: says when it was ready, what it holds, when it has saved. */
import { channel } from 'node:diagnostics_channel';
import { Writable } from 'node:stream';
import { dispatcherService } from '@waybill/dispatcher';
import { Config as DispatcherConfig } from '@waybill/dispatcher/config';
import {
  createLogger,
  type Host,
  milestoneChannel,
  readConfig,
  type Service,
  startParts,
  systemClock,
} from '@waybill/process';
import { schedulerService } from '@waybill/scheduler';
import { Config as SchedulerConfig } from '@waybill/scheduler/config';
import { z } from 'zod';
import { Links } from '../measure/link.ts';
import { answerAs } from '../measure/role-process.ts';
import { heldBytes, spentSeconds } from './footprint.ts';
import { watchTurns } from './turns.ts';

const Begin = Links.extend({ service: z.enum(['dispatcher', 'scheduler']) });
type Begin = z.infer<typeof Begin>;

/** Only the log of a service says whether there was a snapshot. */
const Line = z.object({ level: z.string(), msg: z.string(), runs: z.number().optional() });
let restoredRuns: number | null = null;
const lines = new Writable({
  write: (chunk: Buffer, _encoding, done) => {
    const { level, msg, runs } = Line.parse(JSON.parse(chunk.toString()));
    if (msg === 'restored from a snapshot') restoredRuns = runs ?? null;
    if (level !== 'info') process.stderr.write(chunk);
    done();
  },
});
const log = createLogger({ name: 'bench', level: 'info', destination: lines });
const host: Host = { clock: systemClock, log };
const saved = Promise.withResolvers<void>();
// Held here: the registry of channels keeps those only that somebody else holds.
const savings = channel(milestoneChannel('snapshot.saved'));
savings.subscribe(() => saved.resolve());

function serviceOf({ service, nats }: Begin): Service {
  const env = {
    LOG_LEVEL: 'error',
    NATS_URL: nats.url,
    NATS_USER: nats.user,
    NATS_PASSWORD: nats.password,
  };
  return service === 'dispatcher'
    ? dispatcherService(readConfig(DispatcherConfig, env), host)
    : schedulerService(readConfig(SchedulerConfig, env), host);
}

async function begin(o: Begin): Promise<object> {
  const running = await startParts([serviceOf(o)], host);
  const readyMs = performance.now();
  const cpuMs = spentSeconds() * 1_000;
  // A benchmark of a service that has failed would measure something else.
  void running.failed.then((error) => {
    throw error;
  });
  return { readyMs, cpuMs, heldWith: heldBytes(), restoredRuns };
}

/** No save takes longer; what it did before is not of interest. */
const savingMs = 5_000;

/** Until it has saved by itself, as whoever holds the lease does; false if it does not within the bound. */
async function awaitSaved(withinMs: number): Promise<object> {
  const turns = watchTurns();
  const late = Promise.withResolvers<false>();
  const timer = systemClock.after(withinMs, () => late.resolve(false));
  const isSaved = await Promise.race([saved.promise.then(() => true), late.promise]);
  timer.cancel();
  return { isSaved, blockedMs: turns.longestMs(savingMs) };
}

answerAs({
  held: () => heldBytes(),
  begin: (body) => begin(Begin.parse(body)),
  saved: (body) => awaitSaved(z.number().parse(body)),
});
