/**
 * What checks of an agent work with: the stand that it dials, the jobs that were given to it, and ways to have it registered, come
 * anew or start again. Between two checks everything is put back: manners, open jobs, and an agent that was told to go.
 */
import type { Clock } from '@waybill/process';
import type { wire } from '@waybill/protocol';
import { type Check, fail, type Profile, skip } from '../check.ts';
import type { Awaited, Line } from '../line.ts';
import { linesOf, type RecordedFrame } from '../recorded-frame.ts';
import type { Watch } from '../watch.ts';
import type { AgentProcess } from './agent-process.ts';
import { type KitJobName, type KitJobs, kitJobTasks } from './kit-job.ts';
import { isTerminal, type Manner } from './manner.ts';
import { isAbout, type Stand, type Visit } from './stand.ts';

export type AgentCheck = Check<AgentTrial>;

export type SentJob = Readonly<{
  runId: string;
  jobId: string;
  fence: number | undefined;
  line: Line;
  /** Frames about it lie behind this place. */
  after: number;
  sentMs: number;
}>;

export type AgentTrialOptions = Readonly<{
  stand: Stand;
  watch: Watch;
  clock: Clock;
  profile: Profile;
  /** Undefined: the agent may register without one. */
  token: string | undefined;
  jobs: KitJobs;
  process: AgentProcess | undefined;
  /** For every single thing that is waited for. */
  withinMs: number;
  /** How long nothing must come where nothing may. */
  quietMs: number;
  ackMs: number;
}>;

export type AgentTrial = AgentTrialOptions &
  Readonly<{
    /** Its present connection, registered. */
    registered(): Promise<Line>;
    /** Its next connection, from the opening on; the present one is ended. */
    anew(manner?: Partial<Manner>): Promise<Line>;
    /** Its next connection behind this one. */
    back(behind: Line | undefined, o?: Readonly<{ withinMs?: number }>): Promise<Line>;
    /** Whether it dials again within the time. */
    dials(behind: Line, withinMs: number): Promise<boolean>;
    dispatch(line: Line, name: KitJobName, more?: Readonly<Record<string, unknown>>): SentJob;
    /** Gives the job to the registered agent and waits until it has taken it. */
    taken(name: KitJobName): Promise<SentJob>;
    /** Every frame about it, of all connections. */
    about(job: SentJob): readonly RecordedFrame[];
    heard(job: SentJob, type: string, o?: Awaited): Promise<RecordedFrame>;
    /** The terminal status. */
    ended(job: SentJob, withinMs?: number): Promise<RecordedFrame>;
    said(job: SentJob): readonly string[];
    /** Waits until a step has printed it. */
    says(job: SentJob, text: string): Promise<RecordedFrame>;
    cancel(job: SentJob, force?: boolean): void;
    /** A whole job, to see that the agent still works. */
    works(why: string): Promise<void>;
    frames(): readonly RecordedFrame[];
    readonly sent: readonly SentJob[];
    /** The agent will not come back by itself. */
    gone(): void;
    settle(): Promise<void>;
  }>;

const cleanupMs = 5_000;

export function createAgentTrial(o: AgentTrialOptions): AgentTrial {
  const { stand, watch, process: agent } = o;
  const sent: SentJob[] = [];
  /** Nobody has them any more. */
  const lost = new Set<SentJob>();
  const initial = stand.manner;
  let isGone = false;

  const newest = (): Visit | undefined => stand.visits.at(-1);
  const visitBehind = (line: Line | undefined): Visit | undefined => {
    const index = line === undefined ? -1 : stand.visits.findIndex((visit) => visit.line === line);
    return stand.visits[index + 1];
  };
  const start = (): void => {
    if (agent === undefined && isGone)
      skip('the agent was told to stop for good, and only with --exec is it started again');
    if (agent === undefined || agent.isRunning) return;
    isGone = false;
    agent.start();
  };
  const explain = (what: string): never => {
    const printed = agent?.printed().trim().split('\n').slice(-4).join(' | ') ?? '';
    return fail(`${what}${printed === '' ? '' : `; it printed: ${printed}`}`);
  };
  const registered = async (): Promise<Line> => {
    start();
    const found = await watch.until(() => {
      const visit = newest();
      return visit?.isRegistered === true && visit.line.isOpen ? visit.line : undefined;
    }, o.withinMs);
    return found ?? explain(`the agent has not registered within ${o.withinMs} ms`);
  };
  const back: AgentTrial['back'] = async (behind, { withinMs = o.withinMs } = {}) => {
    const visit = await watch.until(() => visitBehind(behind), withinMs);
    return visit?.line ?? explain(`the agent did not connect again within ${withinMs} ms`);
  };
  const anew: AgentTrial['anew'] = async (manner = {}) => {
    const line = newest()?.line;
    if (line === undefined || agent?.isRunning === false) {
      stand.behave(manner);
      start();
      return back(line);
    }
    const open = line.isOpen ? line : await registered();
    stand.behave(manner);
    open.close(1001, 'come back');
    return back(open);
  };

  const dispatch: AgentTrial['dispatch'] = (line, name, more = {}) => {
    const job =
      o.jobs[name] ?? skip(`no job \`${name}\` (${kitJobTasks[name]}) was given for this agent`);
    const number = sent.length + 1;
    const [runId, jobId] = [`kit-run-${number}`, `kit-job-${number}`];
    const fence = o.profile === 'waybill' ? number : undefined;
    const frame = {
      ...dispatchFrame(runId, jobId, o.clock.now()),
      jobConfig: job.jobConfig,
      ...job.dispatch,
      ...(fence === undefined ? {} : { attempt: 1, fence }),
      ...more,
    };
    const given: SentJob = { runId, jobId, fence, line, after: watch.last, sentMs: watch.nowMs() };
    sent.push(given);
    line.send(frame);
    return given;
  };
  const frames = (): readonly RecordedFrame[] => stand.visits.flatMap(({ line }) => line.frames);
  const about = (job: SentJob): readonly RecordedFrame[] =>
    frames().filter((frame) => isAbout(frame, job.jobId));
  const heard: AgentTrial['heard'] = async (
    job,
    type,
    { fits = () => true, after = 0, withinMs = o.withinMs, what } = {},
  ) => {
    const found = await watch.until(
      () => about(job).find((frame) => frame.type === type && frame.place > after && fits(frame)),
      withinMs,
    );
    if (found !== undefined) return found;
    const seen = about(job).map((frame) =>
      [frame.type, frame.fields['state']].filter(Boolean).join(' '),
    );
    return fail(
      `${what ?? `\`${type}\``} of the job did not come within ${withinMs} ms; what came of it: ${seen.join(', ') || 'nothing'}`,
    );
  };
  const ended: AgentTrial['ended'] = (job, withinMs = o.withinMs) =>
    heard(job, 'job.status', { fits: isTerminal, withinMs, what: 'the terminal `job.status`' });
  const cancel: AgentTrial['cancel'] = ({ runId, jobId }, force) =>
    newest()?.line.send({
      type: 'job.cancel',
      messageId: `kit-cancel-${jobId}`,
      runId,
      jobId,
      reason: 'the trial is over',
      ...(force === undefined ? {} : { force }),
    });
  const taken: AgentTrial['taken'] = async (name) => {
    const job = dispatch(await registered(), name);
    const frame = await watch.until(() => about(job)[0], o.withinMs);
    if (frame === undefined) return fail(`nothing came of a dispatch within ${o.withinMs} ms`);
    if (frame.type === 'job.reject')
      return fail('an agent with nothing to do rejected a dispatch', frame);
    return job;
  };
  const says: AgentTrial['says'] = (job, text) =>
    heard(job, 'log.chunk', {
      fits: (frame) => linesOf(frame).some((line) => line.includes(text)),
      what: `the line \`${text}\``,
    });

  const isOver = (job: SentJob): boolean => {
    const told = about(job);
    return (
      told.length === 0 || told.some((frame) => isTerminal(frame) || frame.type === 'job.reject')
    );
  };
  const settle = async (): Promise<void> => {
    stand.behave(initial);
    const open = sent.filter((job) => !lost.has(job) && !isOver(job));
    if (open.length > 0 && !isGone) {
      await watch.until(
        () =>
          newest()?.isRegistered === true && newest()?.line.isOpen === true ? true : undefined,
        cleanupMs,
      );
      for (const job of open) cancel(job, true);
      await watch.until(() => (open.every(isOver) ? true : undefined), cleanupMs);
    }
    // What holds on to a job is no agent to go on with, and one that has left has to be started again.
    if (agent !== undefined && (isGone || !open.every(isOver) || !agent.isRunning)) {
      await agent.stop();
      isGone = false;
    }
    for (const job of open) lost.add(job);
    // The next check begins with a registration of the usual kind.
    const visit = newest();
    if (
      visit?.line.isOpen === true &&
      (!visit.isRegistered || visit.announced !== initial.extensions)
    ) {
      visit.line.close(1001, 'come back');
      await visit.line.end({ withinMs: cleanupMs });
    }
  };

  return {
    ...o,
    registered,
    anew,
    back,
    dials: async (behind, withinMs) =>
      (await watch.until(() => visitBehind(behind), withinMs)) !== undefined,
    dispatch,
    taken,
    about,
    heard,
    ended,
    said: (job) =>
      about(job)
        .filter(({ type }) => type === 'log.chunk')
        .flatMap(linesOf),
    says,
    cancel,
    works: async (why) => {
      const job = await taken('quick');
      const status = await ended(job);
      if (status.fields['state'] !== 'success')
        fail(`${why}: a job that ought to succeed ended otherwise`, status);
    },
    frames,
    sent,
    gone: () => {
      isGone = true;
    },
    settle,
  };
}

export const dispatchFrame = (
  runId: string,
  jobId: string,
  timestamp: number,
): wire.JobDispatch => ({
  type: 'job.dispatch',
  messageId: `kit-dispatch-${jobId}`,
  runId,
  jobId,
  repoUrl: '',
  ref: '',
  sha: '',
  lockFileUrl: '',
  jobConfig: {},
  timestamp,
});
