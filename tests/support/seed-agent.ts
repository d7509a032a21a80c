/**
 * Agents over plain `ws` that know only the published protocol, each with its own manners, good or bad. What they do with a job
 * goes into a diary first. They come back whenever their socket is gone, like agents that exist.
 */
import { systemClock } from '@waybill/process';
import { openSeedConnection, type SeedJob } from './seed-connection.ts';
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
  /** Dialled in turn. */
  urls: readonly string[];
  token: string;
  agentId: string;
  labels: readonly string[];
  manner: Manner;
  diary: WorkDiary;
  workMs: number;
  /** What it waits for before it answers an offer. */
  thinks?: () => Promise<unknown>;
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

const busyTimes = 3;
/** A dispatch was not answered in time. */
const expiredCode = 4031;

export function startSeedAgent(o: SeedAgentOptions): SeedAgent {
  const inFlight = new Map<string, SeedJob>();
  const cancels = new Set<string>();
  const codes: number[] = [];
  const waiting: SeedJob[] = [];
  let taken = 0;
  let over: Promise<void> = Promise.resolve();

  const hasExpired = (): boolean => codes.includes(expiredCode);
  const isSilent = (): boolean => !hasExpired() && (o.manner === 'mute' || o.manner === 'tardy');
  const reports = (): void =>
    line.send({
      type: 'agent.status',
      messageId: `${o.agentId}-s${taken}-${inFlight.size}`,
      agentId: o.agentId,
      activeJobs: inFlight.size,
    });
  /** Once there is somebody to hear it; the forgetful do not wait. */
  const say = async (type: string, job: SeedJob, more: object = {}): Promise<void> => {
    if (o.manner !== 'forgetful') await line.registered();
    line.say(type, job, more);
  };

  const work = async (job: SeedJob): Promise<void> => {
    line.write('start', job);
    inFlight.set(job.jobId, job);
    await say('job.status', job, { state: 'running' });
    await say('step.status', job, { stepIndex: 0, stepName: 'work', state: 'running' });
    await say('log.chunk', job, { stepIndex: 0, lines: ['working'] });
    await systemClock.sleep(o.workMs);
    if (o.manner === 'lying') lie();
    const state = cancels.has(job.jobId) ? 'cancelled' : 'success';
    line.write('stop', job);
    await say('step.status', job, { stepIndex: 0, stepName: 'work', state });
    await say('job.status', job, { state, data: { durationMs: o.workMs } });
    inFlight.delete(job.jobId);
    if (o.manner === 'contradicting')
      for (const late of ['failed', 'running', 'success'])
        await say('job.status', job, { state: late });
    reports();
  };
  const lie = (): void => {
    for (const jobId of o.rumours)
      if (!inFlight.has(jobId)) {
        const job = { jobId, runId: jobId.split('-').slice(0, 2).join('-') };
        line.say('job.ack', job);
        line.say('job.status', job, { state: 'failed' });
        line.say('log.chunk', job, { stepIndex: 0, lines: ['not mine'] });
      }
    line.say('job.status', { runId: 'nobody', jobId: 'nothing' }, { state: 'success' });
  };
  const answer = (job: SeedJob): void => {
    line.say('job.ack', job);
    if (taken === 1 && o.manner === 'dying') {
      line.write('start', job);
      line.say('job.status', job, { state: 'running' });
      line.write('stop', job);
      line.terminate();
      return;
    }
    const working = work(job);
    over = Promise.all([over, working]).then(() => undefined);
    if (taken === 1 && o.manner === 'returning') line.terminate();
  };

  const onDispatch = (job: SeedJob): void => {
    o.rumours.add(job.jobId);
    taken += 1;
    if (o.manner === 'busy' && taken <= busyTimes) {
      line.say('job.reject', job, { reason: 'busy' });
      reports();
    } else if (isSilent()) {
      if (o.manner === 'tardy') waiting.push(job);
    } else if (o.thinks === undefined) answer(job);
    else void o.thinks().then(() => answer(job));
  };
  /** What has expired meanwhile is answered all the same, and what was withdrawn too. */
  const onRegistered = (): void => {
    for (const job of hasExpired() ? waiting.splice(0) : []) {
      line.say('job.ack', job);
      line.say('job.status', job, { state: 'running' });
      line.say('job.status', job, { state: 'success' });
    }
  };

  const line = openSeedConnection({
    ...o,
    inFlight: () => [...inFlight.values()],
    echoes: o.manner === 'echoing',
    onDispatch,
    onCancel: ({ jobId }) => cancels.add(jobId),
    onRegistered,
    onClosed: (code) => codes.push(code),
  });
  return {
    busy: () => inFlight.size,
    told: () => ({ cancels: [...cancels], codes }),
    stop: async () => {
      line.stop();
      await over;
    },
  };
}
