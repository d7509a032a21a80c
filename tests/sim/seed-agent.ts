/**
 * An agent that knows the published protocol and nothing else: it acknowledges, reports and runs one job at a time, drops what it
 * cannot send, names what it has in flight when it comes back, never waits to be granted and never echoes a fence. Now and then
 * it has bad manners: it keeps silent, answers too late, is busy, drains, or contradicts itself.
 */
import { parseWireJobId } from '@waybill/protocol';
import { z } from 'zod';
import { nobody } from './people.ts';
import type { AgentOptions, SimAgent } from './sdk-agent.ts';
import { WebSocket } from './sim-socket.ts';
import { isPlanned, type Work, workOf } from './work.ts';

const Frame = z.looseObject({
  type: z.string(),
  runId: z.string().optional(),
  jobId: z.string().optional(),
  jobConfig: z.unknown().optional(),
  outcome: z.string().optional(),
});
type Job = Readonly<{ runId: string; jobId: string }>;

const hopeless = [{ user: nobody }];
const backMs = { min: 300, max: 2_000 } as const;
const heartbeatMs = 60_000;
const answerMs = 15_000;
/** A gateway pings twice as often: behind this long a silence there is nobody. */
const silenceMs = 90_000;
const manners = [
  'good',
  'good',
  'good',
  'good',
  'mute',
  'tardy',
  'busy',
  'draining',
  'contradicting',
  'lying',
] as const;

export function startSeedAgent(o: AgentOptions): SimAgent {
  const { world, life, clock, ledger, agentId } = o;
  const { random } = world;
  const cancelled = new Set<string>();
  /** Jobs that wait for people, and those that were not approved. */
  const waiting = new Set<string>();
  const refused = new Set<string>();
  let job: Job | undefined;
  let socket: WebSocket | undefined;
  let isRegistered = false;
  let isStopped = false;
  /** How often each job was refused. */
  const rejections = new Map<string, number>();
  let frames = 0;

  const send = (type: string, fields: object): void => {
    frames += 1;
    const frame = { type, messageId: `${agentId}-${life.no}-${frames}`, ...fields };
    if (isRegistered) socket?.send(JSON.stringify(frame));
  };
  const say = (type: string, { runId, jobId }: Job, more: object = {}): void =>
    send(type, { runId, jobId, timestamp: clock.now(), ...more });
  const status = (): void =>
    send('agent.status', { agentId, activeJobs: job === undefined ? 0 : 1 });
  const write = (what: 'dispatched' | 'start' | 'stop', { runId, jobId }: Job): void =>
    ledger.write(life, { agentId, kind: 'plain', what, runId, wireJobId: jobId, fence: null });

  const saysThatItBegins = (taken: Job, { lines, steps, asks }: Work): void => {
    const step = { stepIndex: 0, stepName: 'work' };
    // Some agents say nothing of a state before their first step or line.
    if (!lines || random.chance(0.5)) say('job.status', taken, { state: 'running' });
    if (lines) say('log.chunk', taken, { stepIndex: 0, lines: ['working'] });
    if (steps) say('step.status', taken, { ...step, state: 'running' });
    if (!asks) return;
    const clauses = random.pick([
      [],
      [{ user: 'ada' }],
      [{ team: 'ops' }, { user: 'ada' }],
      hopeless,
    ]);
    say('step.approval-request', taken, { ...step, clauses, reason: 'may it', timeoutSeconds: 60 });
    // What it cannot send it does not wait for.
    (isRegistered ? waiting : refused).add(taken.jobId);
  };
  const outcomeOf = ({ jobId }: Job, { outcome }: Work): 'success' | 'failed' | 'cancelled' => {
    if (cancelled.has(jobId)) return 'cancelled';
    return outcome === 'success' && !refused.has(jobId) ? 'success' : 'failed';
  };
  const work = async (taken: Job, config: unknown, contradicts: boolean): Promise<void> => {
    const planned = workOf(random, config);
    const { ms, steps, beatsMs } = planned;
    write('start', taken);
    saysThatItBegins(taken, planned);
    const sign = (): void => say('job.heartbeat', taken);
    const beat = beatsMs === undefined ? clock.every(heartbeatMs, sign) : undefined;
    for (const atMs of beatsMs ?? []) clock.after(atMs, sign);
    while (waiting.has(taken.jobId) && !cancelled.has(taken.jobId)) await clock.sleep(500);
    const endsMs = clock.monotonicMs() + ms;
    const isOver = (): boolean => cancelled.has(taken.jobId) || refused.has(taken.jobId);
    while (clock.monotonicMs() < endsMs && !isOver())
      await clock.sleep(Math.max(1, Math.min(500, endsMs - clock.monotonicMs())));
    beat?.cancel();
    write('stop', taken);
    const state = outcomeOf(taken, planned);
    if (steps) say('step.status', taken, { stepIndex: 0, stepName: 'work', state });
    const dropped = planned.drops ? { droppedJobs: ['job-1', 'job-2'] } : {};
    say('job.status', taken, { state, ...dropped });
    job = undefined;
    if (contradicts)
      for (const late of ['failed', 'running']) say('job.status', taken, { state: late });
    status();
  };
  /** It speaks of what others have. */
  const lie = (): void => {
    for (const { runId, wireJobId: jobId } of ledger.diary.slice(-6))
      if (jobId !== job?.jobId) {
        say('job.ack', { runId, jobId });
        say('job.status', { runId, jobId }, { state: 'failed' });
        say('log.chunk', { runId, jobId }, { stepIndex: 0, lines: ['not mine'] });
      }
  };
  const take = async (offered: Job, config: unknown): Promise<void> => {
    write('dispatched', offered);
    const of = parseWireJobId(offered.jobId)?.jobId ?? '';
    const refusals = rejections.get(of) ?? 0;
    const isFull = job !== undefined || refusals < workOf(random, config).rejects;
    const free = isPlanned(config) ? 'good' : random.pick(manners);
    const manner = isFull ? 'busy' : free;
    if (manner === 'mute') return;
    if (manner === 'busy' || manner === 'draining') {
      rejections.set(of, refusals + 1);
      say('job.reject', offered, { reason: manner });
      // One that drains comes back as a new one, and takes nothing more before.
      if (manner === 'draining') clock.after(random.between(100, 3_000), () => socket?.close(1000));
      // It has room again some time later, and says so then.
      if (manner === 'busy') clock.after(random.between(50, 1_500), status);
      return;
    }
    job = offered;
    if (manner === 'tardy') await clock.sleep(random.between(9_500, 12_500));
    say('job.ack', offered);
    if (manner === 'lying') lie();
    await work(offered, config, manner === 'contradicting');
  };
  const onFrame = (text: string): void => {
    const { type, runId = '', jobId = '', jobConfig, outcome } = Frame.parse(JSON.parse(text));
    if (type === 'auth.success')
      socket?.send(
        JSON.stringify({
          type: 'agent.register',
          messageId: `${agentId}-${life.no}-register`,
          agentId,
          labels: o.labels,
          ...(job === undefined ? {} : { inFlightJobs: [job] }),
        }),
      );
    if (type === 'register.ack') isRegistered = true;
    if (type === 'job.cancel') cancelled.add(jobId);
    if (type === 'step.approval-resolved') {
      waiting.delete(jobId);
      if (outcome !== 'approved') refused.add(jobId);
    }
    if (type === 'job.dispatch') void take({ runId, jobId }, jobConfig);
  };
  const dial = (): void => {
    if (isStopped) return;
    const ws = new WebSocket(`ws://${o.host}/ws`);
    socket = ws;
    let silent = clock.after(answerMs, () => ws.terminate());
    const heard = (): void => {
      silent.cancel();
      silent = clock.after(silenceMs, () => ws.terminate());
    };
    ws.on('open', () =>
      ws.send(JSON.stringify({ type: 'auth.request', token: o.token, protocolVersion: 1 })),
    );
    ws.on('message', (data: Buffer) => {
      heard();
      onFrame(data.toString());
    });
    ws.on('ping', heard);
    ws.on('error', () => undefined);
    ws.on('close', () => {
      silent.cancel();
      isRegistered = false;
      // A wait fails with its connection.
      for (const jobId of waiting) refused.add(jobId);
      waiting.clear();
      clock.after(random.between(backMs.min, backMs.max), dial);
    });
  };
  dial();
  clock.every(30_000, () => send('heartbeat', { timestamp: clock.now() }));
  return {
    stop: () => {
      isStopped = true;
      socket?.close(1000);
      return Promise.resolve();
    },
  };
}
