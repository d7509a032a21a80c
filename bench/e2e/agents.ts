/**
 * Light agents over plain `ws` in one process. They know the published protocol and nothing else:
 * every dispatch is acknowledged, run as one step and ended with success, at once.
 */
import { type RawData, WebSocket } from 'ws';
import { z } from 'zod';
import { frameText } from '../measure/frame-text.ts';
import { agentCount, type Seen } from '../measure/load.ts';
import { nowMs } from '../measure/monotonic.ts';
import { answerAs } from '../measure/role-process.ts';

const Begin = z.object({ agentsUrl: z.string(), agentToken: z.string() });
type Begin = z.infer<typeof Begin>;

type Frame = Readonly<{ type: string }> & Readonly<Record<string, unknown>>;
type Dispatch = Readonly<{
  runId: string;
  jobId: string;
  jobConfig: Readonly<{ dispatchInputs?: Readonly<{ sentAtMs?: number }> }>;
}>;

/** More than one, so that what is measured is the service and not the number of its agents. */
const maxConcurrency = 10;
export const label = 'bench';

const jobs = new Set<string>();
let latenciesMs: number[] = [];
let repeated = 0;

function take(dispatch: Dispatch, send: (frame: Frame) => void): void {
  latenciesMs.push(nowMs() - (dispatch.jobConfig.dispatchInputs?.sentAtMs ?? Number.NaN));
  const { runId, jobId } = dispatch;
  if (jobs.has(jobId)) repeated += 1;
  jobs.add(jobId);
  const job = { runId, jobId };
  const step = { ...job, stepIndex: 0, stepName: 'step 1' };
  send({ type: 'job.ack', ...job });
  send({ type: 'job.status', ...job, state: 'running' });
  send({ type: 'step.status', ...step, state: 'running' });
  send({ type: 'step.status', ...step, state: 'success', data: { exitCode: 0, durationMs: 0 } });
  send({ type: 'job.status', ...job, state: 'success' });
}

async function connectAgent({ agentsUrl, agentToken }: Begin, index: number): Promise<void> {
  const agentId = `bench-${index}`;
  const { promise: registered, resolve, reject } = Promise.withResolvers<void>();
  const socket = new WebSocket(agentsUrl, { perMessageDeflate: false });
  let sent = 0;
  const send = (frame: Frame): void =>
    socket.send(
      JSON.stringify({
        ...frame,
        messageId: `${agentId}-${sent++}`,
        timestamp: Math.round(performance.timeOrigin + performance.now()),
      }),
    );
  const onFrame = (data: RawData): void => {
    // Written by the service under test, whose frames its own tests validate; here it would cost time.
    const frame = JSON.parse(frameText(data)) as Frame;
    if (frame.type === 'job.dispatch') take(frame as unknown as Dispatch, send);
    else if (frame.type === 'auth.success')
      send({ type: 'agent.register', agentId, labels: [label], maxConcurrency });
    else if (frame.type === 'register.ack') resolve();
    else if (frame.type === 'error') throw new Error(`an agent was told: ${frameText(data)}`);
  };
  socket.on('message', onFrame);
  socket.once('error', reject);
  socket.once('close', (code, reason) => {
    // Everything after this would be measured with fewer agents.
    throw new Error(`${agentId} was closed: ${code} ${reason.toString()}`);
  });
  socket.once('open', () =>
    socket.send(JSON.stringify({ type: 'auth.request', token: agentToken, protocolVersion: 1 })),
  );
  await registered;
}

answerAs({
  begin: async (body) => {
    const place = Begin.parse(body);
    await Promise.all(Array.from({ length: agentCount }, (_, index) => connectAgent(place, index)));
  },
  seen: (): Seen => {
    const seen = { latenciesMs, repeated };
    latenciesMs = [];
    repeated = 0;
    return seen;
  },
});
