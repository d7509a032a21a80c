// An agent whose jobs are functions of this program: what `jobConfig.function` names is called with `jobConfig.arguments`, and what
// it returns are the job's outputs. The SDK does the rest: sign-in, leases, heartbeats, reconnects, results that are not lost.
import { createAgent } from '@waybill/agent';
import { createLogger, systemClock } from '@waybill/process';

const functions = {
  add: ({ numbers = [] }) => ({ sum: numbers.reduce((sum, each) => sum + each, 0) }),
  greet: async ({ name = 'nobody' }, job) => {
    job.log(0, [`greeting ${name}`]);
    await job.emit('greeted', { name });
    return { greeting: `Hello, ${name}!` };
  },
};

const agent = createAgent(
  {
    url: process.env.WAYBILL_URL,
    token: process.env.WAYBILL_AGENT_TOKEN,
    agentId: process.env.AGENT_ID ?? 'node-function',
    labels: ['node-function'],
    maxConcurrency: 4,
    clock: systemClock,
    log: createLogger({ name: 'node-function', level: 'warn' }),
  },
  async (job) => {
    const { function: name, arguments: given = {} } = job.dispatch.jobConfig;
    if (!Object.hasOwn(functions, name))
      return { state: 'failed', data: { reason: 'there is no such function here' } };
    job.step(0, name, 'running');
    try {
      const outputs = await functions[name](given, job);
      job.step(0, name, 'success');
      return { state: 'success', data: { outputs } };
    } catch (error) {
      job.step(0, name, 'failed', { error: { message: String(error) } });
      return { state: 'failed', data: { error: { message: String(error) } } };
    }
  },
);

agent.start();
await agent.registered;
console.log('registered');

async function leave() {
  await agent.drain({ withinMs: 30_000 });
  await agent.stop();
  process.exit(0);
}
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => void leave());
