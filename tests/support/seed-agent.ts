/**
 * Agents over plain `ws` that know only the published protocol, each with its own manners, good or bad. What they do with a job
 * goes into a diary first. They come back whenever their socket is gone, like agents that exist.
 */
import { systemClock } from '@waybill/process';
import { WebSocket } from 'ws';
import { z } from 'zod';
import type { WorkDiary } from './work-diary.ts';

/**
 * `mute` answers no offer until one of them has expired, `tardy` answers them when they have. `busy` rejects its first three.
 * `dying` loses its first job with its socket, `returning` comes back with it. `echoing` says every word twice, `lying` speaks of
 * jobs of others, `contradicting` goes on talking about a job that it has ended, `forgetful` drops what it cannot send at once.
 */
export const manners = [
  'honest',
  'mute',
  'tardy',
  'busy',
  'dying',
  'returning',
  'echoing',
  'lying',
  'contradicting',
  'forgetful',
] as const;
export type Manner = (typeof manners)[number];

export type SeedAgentOptions = Readonly<{
  url: string;
  token: string;
  agentId: string;
  labels: readonly string[];
  manner: Manner;
  diary: WorkDiary;
  workMs: number;
  /** Wire ids that agents have heard of: what a liar speaks of. */
  rumours: Set<string>;
}>;

export type SeedAgent = Readonly<{
  /** Jobs that it works on. */
  busy(): number;
  /** Frames that told it to stop, and codes that its sockets ended with. */
  told(): Readonly<{ cancels: readonly string[]; codes: readonly number[] }>;
  stop(): Promise<void>;
}>;

const Dispatch = z.looseObject({
  type: z.literal('job.dispatch'),
  runId: z.string(),
  jobId: z.string(),
});
const Cancel = z.looseObject({ type: z.literal('job.cancel'), jobId: z.string() });
const Typed = z.looseObject({ type: z.string() });
type Job = Readonly<{ runId: string; jobId: string }>;

const backMs = 250;
const busyTimes = 3;
/** A dispatch was not answered in time. */
const expiredCode = 4031;

export function startSeedAgent(o: SeedAgentOptions): SeedAgent {
  const inFlight = new Map<string, Job>();
  const cancels = new Set<string>();
  const codes: number[] = [];
  const waiting: Job[] = [];
  let socket: WebSocket | undefined;
  let registered = Promise.withResolvers<void>();
  let isRegistered = false;
  let stopped = false;
  let taken = 0;
  let frames = 0;
  let over: Promise<void> = Promise.resolve();

  const write = (what: 'dispatched' | 'start' | 'stop', { runId, jobId }: Job): void =>
    o.diary.write({
      agentId: o.agentId,
      kind: 'plain',
      what,
      runId,
      wireJobId: jobId,
      fence: null,
    });

  const send = (frame: object): void => {
    if (socket?.readyState !== WebSocket.OPEN) return;
    const text = JSON.stringify(frame);
    socket.send(text);
    if (o.manner === 'echoing') socket.send(text);
  };
  const about = (type: string, { runId, jobId }: Job, more: object = {}): object => {
    frames += 1;
    return {
      type,
      messageId: `${o.agentId}-${frames}`,
      runId,
      jobId,
      timestamp: systemClock.now(),
      ...more,
    };
  };
  const heard = async (): Promise<void> => {
    await registered.promise;
    // It may have gone again before this went on.
    if (!isRegistered && !stopped) await heard();
  };
  /** Once there is somebody to hear it; the forgetful do not wait. */
  const say = async (type: string, job: Job, more: object = {}): Promise<void> => {
    if (o.manner !== 'forgetful') await heard();
    send(about(type, job, more));
  };

  const work = async (job: Job): Promise<void> => {
    write('start', job);
    inFlight.set(job.jobId, job);
    await say('job.status', job, { state: 'running' });
    await say('step.status', job, { stepIndex: 0, stepName: 'work', state: 'running' });
    await say('log.chunk', job, { stepIndex: 0, lines: ['working'] });
    await systemClock.sleep(o.workMs);
    if (o.manner === 'lying') lie();
    const state = cancels.has(job.jobId) ? 'cancelled' : 'success';
    write('stop', job);
    await say('step.status', job, { stepIndex: 0, stepName: 'work', state });
    await say('job.status', job, { state, data: { durationMs: o.workMs } });
    inFlight.delete(job.jobId);
    if (o.manner === 'contradicting')
      for (const late of ['failed', 'running', 'success'])
        await say('job.status', job, { state: late });
    send({
      type: 'agent.status',
      messageId: `${o.agentId}-s${frames}`,
      agentId: o.agentId,
      activeJobs: inFlight.size,
    });
  };

  const lie = (): void => {
    for (const jobId of o.rumours)
      if (!inFlight.has(jobId)) {
        const runId = jobId.split('-').slice(0, 2).join('-');
        send(about('job.ack', { runId, jobId }));
        send(about('job.status', { runId, jobId }, { state: 'failed' }));
        send(about('log.chunk', { runId, jobId }, { stepIndex: 0, lines: ['not mine'] }));
      }
    send(about('job.status', { runId: 'nobody', jobId: 'nothing' }, { state: 'success' }));
  };

  const onDispatch = (job: Job): void => {
    write('dispatched', job);
    o.rumours.add(job.jobId);
    taken += 1;
    if (o.manner === 'busy' && taken <= busyTimes) {
      send(about('job.reject', job, { reason: 'busy' }));
      send({
        type: 'agent.status',
        messageId: `${o.agentId}-b${taken}`,
        agentId: o.agentId,
        activeJobs: 0,
      });
      return;
    }
    if (!codes.includes(expiredCode) && (o.manner === 'mute' || o.manner === 'tardy')) {
      if (o.manner === 'tardy') waiting.push(job);
      return;
    }
    send(about('job.ack', job));
    if (taken === 1 && o.manner === 'dying') {
      write('start', job);
      send(about('job.status', job, { state: 'running' }));
      write('stop', job);
      socket?.terminate();
      return;
    }
    const working = work(job);
    over = Promise.all([over, working]).then(() => undefined);
    if (taken === 1 && o.manner === 'returning') socket?.terminate();
  };

  const onRegistered = (): void => {
    isRegistered = true;
    registered.resolve();
    // What has expired meanwhile is answered all the same, and what was withdrawn too.
    for (const job of codes.includes(expiredCode) ? waiting.splice(0) : []) {
      send(about('job.ack', job));
      send(about('job.status', job, { state: 'running' }));
      send(about('job.status', job, { state: 'success' }));
    }
  };

  const onFrame = (text: string): void => {
    const frame: unknown = JSON.parse(text);
    const dispatch = Dispatch.safeParse(frame);
    const cancel = Cancel.safeParse(frame);
    if (dispatch.success) onDispatch({ runId: dispatch.data.runId, jobId: dispatch.data.jobId });
    if (cancel.success) cancels.add(cancel.data.jobId);
    const { type } = Typed.parse(frame);
    if (type === 'auth.success') register();
    if (type === 'register.ack') onRegistered();
  };
  const register = (): void =>
    socket?.send(
      JSON.stringify({
        type: 'agent.register',
        messageId: `register-${o.agentId}`,
        agentId: o.agentId,
        labels: o.labels,
        ...(inFlight.size === 0 ? {} : { inFlightJobs: [...inFlight.values()] }),
      }),
    );

  const dial = (): void => {
    if (stopped) return;
    const ws = new WebSocket(o.url);
    socket = ws;
    ws.on('open', () =>
      ws.send(JSON.stringify({ type: 'auth.request', token: o.token, protocolVersion: 1 })),
    );
    // `nodebuffer`, the binary type that ws begins with, gives one Buffer.
    ws.on('message', (data) => {
      if (Buffer.isBuffer(data)) onFrame(data.toString('utf8'));
    });
    ws.on('error', () => undefined);
    ws.on('close', (code) => {
      codes.push(code);
      if (isRegistered) registered = Promise.withResolvers<void>();
      isRegistered = false;
      systemClock.after(backMs, dial, { background: true });
    });
  };
  dial();

  return {
    busy: () => inFlight.size,
    told: () => ({ cancels: [...cancels], codes }),
    stop: async () => {
      stopped = true;
      registered.resolve();
      socket?.close(1000);
      await over;
    },
  };
}
