// An agent for AI sessions: runs any command that prints JSON lines, and reports what they say. A line with
//   "usage"     is a model call, a tool call, a memory operation or a retrieval, under OpenTelemetry's gen_ai names
//   "artifact"  is a file that the session leaves behind: { "name", "path", "mediaType" }
//   "approval"  is a question to people: { "reason", "users", "teams" }; the answer goes to its standard input, as a JSON line
//   "context"   is what a model was given: { "bundleId", "digest", "sizeBytes", "sources", "redactions" }
// and whatever is no JSON is a line of its log.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { createAgent } from '@waybill/agent';
import { createLogger, systemClock } from '@waybill/process';

async function runSession(job) {
  const { command, conversationId = job.dispatch.jobId } = job.dispatch.jobConfig;
  const folder = await mkdtemp(join(tmpdir(), 'ai-session-'));
  const [program, ...args] = command;
  const child = spawn(program, args, {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: folder, ...job.dispatch.secrets },
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  });
  const stop = () => {
    try {
      if (child.pid) process.kill(-child.pid, 'SIGTERM');
    } catch {
      // It has ended already.
    }
  };
  job.signal.addEventListener('abort', stop, { once: true });
  const ended = once(child, 'close');
  // A program that is not there: told once its output, which is none, has been read.
  ended.catch(() => undefined);
  // A session may end without having read its answer.
  child.stdin.on('error', () => undefined);
  job.step(0, 'session', 'running');
  job.conversation({ conversationId, state: 'started' });
  try {
    // One line after the other: what is asked is answered before the next is read.
    for await (const line of createInterface({ input: child.stdout }))
      await report(job, line, { folder, conversationId, answer: (to) => child.stdin.write(to) });
    const [code] = await ended;
    const state = code === 0 ? 'success' : 'failed';
    job.conversation({ conversationId, state: code === 0 ? 'ended' : 'failed' });
    job.step(0, 'session', state, { exitCode: code });
    job.signal.throwIfAborted();
    return { state };
  } finally {
    job.signal.removeEventListener('abort', stop);
    if (child.exitCode === null && child.signalCode === null) stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function report(job, line, { folder, conversationId, answer }) {
  const said = parsed(line);
  if (said === undefined) return job.log(0, [line]);
  const { usage, artifact, approval, context } = said;
  if (usage)
    job.usage([{ kind: 'model_call', 'gen_ai.conversation.id': conversationId, ...usage }]);
  if (context) job.contextBundle({ sources: [], redactions: [], conversationId, ...context });
  if (artifact) {
    const { name, path = name, ...more } = artifact;
    const { uri } = await job.artifact(name, { file: resolve(folder, path) }, more);
    job.log(0, [`kept ${uri}`]);
  }
  if (approval) {
    const { reason, users = [], teams = [] } = approval;
    const clauses = [...users.map((user) => ({ user })), ...teams.map((team) => ({ team }))];
    const { outcome } = await job.approve({ reason, clauses });
    answer(`${JSON.stringify({ outcome })}\n`);
  }
}

function parsed(line) {
  try {
    const value = JSON.parse(line);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

const agent = createAgent(
  {
    url: process.env.WAYBILL_URL,
    token: process.env.WAYBILL_AGENT_TOKEN,
    agentId: process.env.AGENT_ID ?? 'ai-session',
    labels: ['ai-session'],
    clock: systemClock,
    log: createLogger({ name: 'ai-session', level: 'warn' }),
  },
  runSession,
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
