/**
 * An agent of the SDK whose work is a Node function, for the kit: it runs no shell, and knows the kit's jobs by the name in their
 * `jobConfig`. Started as a process, with what an agent finds in its environment.
 */
import { createAgent, type JobHandle, type JobOutcome } from '@waybill/agent';
import { createLogger, systemClock } from '@waybill/process';

const bundle = { bytes: Buffer.from('kit') };
const digest = '0'.repeat(64);

async function stepOf(
  job: JobHandle,
  index: number,
  work: () => Promise<unknown> | undefined,
): Promise<void> {
  job.step(index, `step-${index}`, 'running');
  try {
    await work();
    job.step(index, `step-${index}`, 'success', {}, { type: 'step' });
  } catch (error) {
    job.step(index, `step-${index}`, job.signal.aborted ? 'cancelled' : 'failed');
    throw error;
  }
}

const print = (job: JobHandle, index: number, ...lines: readonly string[]): undefined =>
  job.log(index, lines) as undefined; // it returns nothing
const numbered = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `kit-line-${index}`);

async function ticks(job: JobHandle): Promise<void> {
  for (const line of numbered(40)) {
    print(job, 0, line);
    await systemClock.sleep(140, job.signal);
  }
}

type Work = (job: JobHandle) => Promise<unknown> | undefined;
const works: Readonly<Record<string, Work>> = {
  settings: (job) => {
    const { KIT_ENV: env } = job.dispatch.jobConfig['env'] as Readonly<Record<string, string>>; // the spec's own job
    return print(
      job,
      0,
      `kit-env-${env}`,
      `kit-secret-${job.dispatch.secrets?.['KIT_SECRET']?.length}`,
    );
  },
  failing: (job) => {
    print(job, 0, 'kit-before');
    return Promise.reject(new Error('it fails, as it has to'));
  },
  chatty: (job) => print(job, 0, ...numbered(230)),
  long: (job) => {
    print(job, 0, 'kit-begun');
    return systemClock.sleep(300_000, job.signal);
  },
  ticking: ticks,
  emitting: (job) => job.emit('kit-event', { count: 1 }),
  caching: async (job) => {
    await job.cache.restore('kit-cache', ['kit-']);
    await job.cache.save('kit-cache');
  },
  buildcache: (job) => job.buildCache({ cacheType: 'deps', lockfileHash: digest }, bundle),
  attesting: (job) =>
    job.provenance({ subjectName: 'kit', subjectDigest: digest, mediaType: 'text/plain' }, bundle),
  approving: async (job) => {
    const { outcome } = await job.approve({
      step: { index: 0, name: 'asks' },
      reason: 'the kit asks',
    });
    if (outcome !== 'approved') throw new Error(`the approval was ${outcome}`);
    print(job, 0, 'kit-approved');
  },
  grouped: async (job) => {
    const { action } = await job.concurrency('kit');
    if (action === 'cancel') throw new Error('its turn was taken');
  },
  reporting: (job) => {
    job.usage([{ kind: 'model_call', 'gen_ai.usage.input_tokens': 1 }]);
    return undefined;
  },
  storing: (job) => job.artifact('kit.txt', bundle),
};

async function run(job: JobHandle): Promise<JobOutcome> {
  const name = String(job.dispatch.jobConfig['kit']);
  if (name === 'quick') {
    await stepOf(job, 0, () => print(job, 0, 'kit-line-1', 'kit-line-2'));
    await stepOf(job, 1, () => print(job, 1, 'kit-line-3'));
  } else await stepOf(job, 0, () => works[name]?.(job));
  return { state: 'success' };
}

const {
  WAYBILL_URL: url = '',
  WAYBILL_AGENT_TOKEN: token,
  AGENT_ID: agentId = 'node',
} = process.env;
const agent = createAgent(
  {
    url,
    token,
    agentId,
    labels: ['node'],
    clock: systemClock,
    log: createLogger({ name: 'node-agent', level: 'warn' }),
  },
  run,
);
agent.start();
process.once('SIGTERM', () => {
  void agent.drain({ withinMs: 20_000 }).then(async () => {
    await agent.stop();
    process.exit(0);
  });
});
