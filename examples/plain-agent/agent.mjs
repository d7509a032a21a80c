// A complete agent over plain `ws`. It knows only the published orchestrator-agent protocol and runs
// jobConfig.steps[].run with sh: one job at a time, in a temporary folder, for real.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { WebSocket } from 'ws';

const { WAYBILL_URL, WAYBILL_AGENT_TOKEN: token, LABELS = '', PATH } = process.env;
const agentId = process.env.AGENT_ID ?? `plain-${hostname()}`;
const labels = LABELS.split(',').filter(Boolean);
const unsent = []; // what was said while nobody listened
let [socket, job, registered, failures] = [undefined, undefined, false, 0];

function send(type, fields) {
  const frame = { type, messageId: crypto.randomUUID(), timestamp: Date.now(), ...fields };
  if (registered || /^(auth|agent)\.re/.test(type)) socket.send(JSON.stringify(frame));
  else unsent.push(frame);
}

async function runJob({ runId, jobId, jobConfig, secrets }) {
  job = { id: { runId, jobId }, cwd: mkdtempSync(`${tmpdir()}/plain-agent-`), state: 'success' };
  send('job.ack', job.id); // at once, before any work
  send('job.status', { ...job.id, state: 'running' });
  const beat = setInterval(() => send('job.heartbeat', job.id), 60_000);
  for (const [stepIndex, { name, run, env }] of jobConfig.steps.entries()) {
    if (job.state !== 'success') break;
    const step = { ...job.id, stepIndex, stepName: name ?? run };
    send('step.status', { ...step, state: 'running' });
    const exitCode = await runStep(run, stepIndex, { ...jobConfig.env, ...secrets, ...env });
    if (exitCode !== 0 && job.state === 'success') job.state = 'failed';
    send('step.status', { ...step, state: exitCode ? 'failed' : 'success', data: { exitCode } });
  }
  clearInterval(beat);
  rmSync(job.cwd, { recursive: true, force: true });
  send('job.status', { ...job.id, state: job.state });
  job = registered ? undefined : { ...job, ended: true }; // in flight until somebody has heard it
}

async function runStep(run, stepIndex, env) {
  const options = { cwd: job.cwd, env: { PATH, HOME: job.cwd, ...env }, detached: true };
  job.child = spawn('sh', ['-e', '-c', `exec </dev/null 2>&1\n${run}`], options);
  const log = (line) => send('log.chunk', { ...job.id, stepIndex, lines: [line] });
  createInterface({ input: job.child.stdout }).on('line', log);
  const [code] = await once(job.child, 'close');
  return code ?? 1;
}

const register = () =>
  send('agent.register', { agentId, labels, ...(job && { inFlightJobs: [job.id] }) });
const on = {
  'auth.success': register,
  'auth.failure': () => process.exit(1),
  'register.ack': () => {
    [registered, failures] = [true, 0];
    for (const frame of [{ type: 'config.ack', agentId }, ...unsent.splice(0)])
      send(frame.type, frame);
    if (job?.ended) job = undefined;
  },
  'job.dispatch': (dispatch) => {
    const { runId, jobId, jobConfig } = dispatch;
    if (!runId || !jobId || !Array.isArray(jobConfig?.steps)) return; // there is nothing to say about it
    return job ? send('job.reject', { runId, jobId, reason: 'busy' }) : runJob(dispatch);
  },
  'job.cancel': ({ jobId }) => {
    if (job?.id.jobId !== jobId || job.child.exitCode !== null) return;
    job.state = 'cancelled';
    process.kill(-job.child.pid, 'SIGTERM'); // the step and all that it has started
  },
};

function receive(data) {
  try {
    const frame = JSON.parse(data);
    on[frame?.type]?.(frame);
  } catch (error) {
    console.error(error.message);
  }
}

(function connect() {
  socket = new WebSocket(WAYBILL_URL);
  socket.on('open', () =>
    token ? send('auth.request', { token, protocolVersion: 1 }) : register(),
  );
  socket.on('message', receive);
  socket.on('error', ({ message }) => console.error(message));
  socket.on('close', (code) => {
    registered = false;
    if (code === 4010) process.exit(1); // every other code means: come back
    setTimeout(connect, Math.min(60_000, 1_000 * 1.5 ** failures++) * (1 + Math.random() / 2));
  });
})();
setInterval(() => registered && send('heartbeat'), 30_000);
