/**
 * What checks of a server work with: sockets that do exactly what a check says, agents that register on them, and jobs offered to
 * them. Every agent has an id and a label of its own, so that nobody else gets its work; after a check all of it is put away.
 */
import { type Clock, newId } from '@waybill/process';
import { wire } from '@waybill/protocol';
import { WebSocket } from 'ws';
import { type Check, fail, type Profile, skip } from '../check.ts';
import { type Line, openLine } from '../line.ts';
import { numberOf, type RecordedFrame, textOf } from '../recorded-frame.ts';
import type { Watch } from '../watch.ts';
import type { SeenRun, WorkDesk } from './work-desk.ts';

export type ServerCheck = Check<ServerTrial>;

export type DialOptions = Readonly<{ perMessageDeflate?: boolean }>;
export type KitAgent = Readonly<{
  line: Line;
  agentId: string;
  label: string;
  ack: RecordedFrame;
  extended: boolean;
}>;
export type RegisterOptions = Readonly<{
  /** The same agent again, on a new socket. */
  as?: KitAgent;
  inFlight?: readonly Offer[];
  /** Sent between `auth.success` and `agent.register`. */
  early?: readonly object[];
  extended?: boolean;
}>;
/** A job that was offered to an agent. */
export type Offer = Readonly<{
  agent: KitAgent;
  dispatch: RecordedFrame;
  /** As the api knows it. */
  run: string;
  runId: string;
  jobId: string;
}>;

export type ServerTrialOptions = Readonly<{
  url: string;
  token: string;
  work: WorkDesk | undefined;
  watch: Watch;
  clock: Clock;
  profile: Profile;
  withinMs: number;
  quietMs: number;
}>;

export type ServerTrial = ServerTrialOptions &
  Readonly<{
    dial(o?: DialOptions): Promise<Line & Readonly<{ compressed: boolean }>>;
    signedIn(): Promise<Line>;
    registered(o?: RegisterOptions): Promise<KitAgent>;
    /** The work desk; skipped where there is none. */
    desk(): WorkDesk;
    /** Makes a run for the agent and waits for its dispatch. */
    offered(agent: KitAgent, job?: Readonly<Record<string, unknown>>): Promise<Offer>;
    /** The next offer of the same run. */
    again(offer: Offer, agent?: KitAgent): Promise<Offer>;
    /** Rejected as busy by an agent that has room again, and offered once more. */
    rejected(offer: Offer): Promise<Offer>;
    /** Says something of the job, on the agent's line. */
    say(offer: Offer, type: string, more?: object, on?: Line): void;
    /** A frame about the job, not sent. */
    words(offer: Offer, type: string, more?: object): object;
    /** Acknowledged and running. */
    running(
      o?: Readonly<{ extended?: boolean; job?: Readonly<Record<string, unknown>> }>,
    ): Promise<Offer>;
    /** Waits until the run is as wanted. */
    until(
      offer: Offer,
      what: string,
      fits: (run: SeenRun) => boolean,
      withinMs?: number,
    ): Promise<SeenRun>;
    ends(offer: Offer, state: string): Promise<void>;
    readonly lines: readonly Readonly<{ line: Line; extended: boolean }>[];
    settle(): Promise<void>;
  }>;

const over: ReadonlySet<string> = new Set(['success', 'failed', 'cancelled']);
const pollMs = 50;

export function createServerTrial(o: ServerTrialOptions): ServerTrial {
  const { watch, clock } = o;
  const lines: { line: Line; extended: boolean }[] = [];
  const runs = new Set<string>();
  let frameNo = 0;

  const dial: ServerTrial['dial'] = async ({ perMessageDeflate = false } = {}) => {
    const socket = new WebSocket(o.url, {
      perMessageDeflate,
      maxPayload: wire.wireLimits.frameBytesMax,
    });
    const opened = Promise.withResolvers<string | undefined>();
    socket.once('open', () => opened.resolve(undefined));
    socket.once('error', (error) => opened.resolve(error.message));
    const line = openLine(socket, {
      watch,
      parse: wire.parseOrchestratorFrame,
      withinMs: o.withinMs,
    });
    const timer = clock.after(o.withinMs, () => opened.resolve('no answer in time'));
    const problem = await opened.promise;
    timer.cancel();
    if (problem !== undefined) fail(`${o.url} could not be opened: ${problem}`);
    lines.push({ line, extended: false });
    return Object.defineProperty(line, 'compressed', {
      value: socket.extensions.includes('permessage-deflate'),
    }) as Line & Readonly<{ compressed: boolean }>; // just defined
  };
  const signedIn = async (): Promise<Line> => {
    const line = await dial();
    line.send({ type: 'auth.request', token: o.token, protocolVersion: 1 });
    await line.next('auth.success');
    return line;
  };
  const registered: ServerTrial['registered'] = async ({
    as,
    inFlight = [],
    early = [],
    extended = as?.extended ?? false,
  } = {}) => {
    const line = await signedIn();
    const known = lines.at(-1);
    if (known !== undefined) known.extended = extended;
    for (const frame of early) line.send(frame);
    const agentId = as?.agentId ?? `kit-${newId()}`;
    const label = as?.label ?? `kit-${newId()}`;
    line.send({
      type: 'agent.register',
      messageId: messageId(),
      agentId,
      labels: [label],
      ...(inFlight.length === 0
        ? {}
        : { inFlightJobs: inFlight.map(({ jobId, runId }) => ({ jobId, runId })) }),
      ...(extended ? { extensions: wire.everyExtension } : {}),
    });
    const ack = await line.next('register.ack');
    line.send({ type: 'config.ack', messageId: messageId(), agentId });
    return { line, agentId, label, ack, extended };
  };
  const messageId = (): string => `kit-${(frameNo += 1)}-${newId()}`;
  const desk = (): WorkDesk =>
    o.work ?? skip('it needs work to be dispatched, and no --api-url was given to make some');

  const offerOf = async (
    agent: KitAgent,
    run: string,
    after: number,
    before?: Offer,
  ): Promise<Offer> => {
    const dispatch = await agent.line.next('job.dispatch', {
      after,
      what: 'a `job.dispatch`',
      // What is said twice is no next attempt.
      fits: ({ fields }) => fields['messageId'] !== before?.dispatch.fields['messageId'],
    });
    return {
      agent,
      dispatch,
      run,
      runId: textOf(dispatch, 'runId'),
      jobId: textOf(dispatch, 'jobId'),
    };
  };
  const offered: ServerTrial['offered'] = async (agent, job) => {
    const after = watch.last;
    const run = await desk().start(agent.label, job);
    runs.add(run);
    return offerOf(agent, run, after);
  };
  const again: ServerTrial['again'] = (offer, agent = offer.agent) =>
    offerOf(agent, offer.run, 0, offer);
  const words: ServerTrial['words'] = ({ agent, dispatch, runId, jobId }, type, more = {}) => {
    const attempt = numberOf(dispatch, 'attempt');
    const fence = numberOf(dispatch, 'fence');
    const echo =
      agent.extended && attempt !== undefined && fence !== undefined ? { attempt, fence } : {};
    const timestamp = Math.round(clock.now());
    return { type, messageId: messageId(), runId, jobId, timestamp, ...echo, ...more };
  };
  const say: ServerTrial['say'] = (offer, type, more, on = offer.agent.line) =>
    on.send(words(offer, type, more));
  const until: ServerTrial['until'] = async (offer, what, fits, withinMs = o.withinMs) => {
    const endsAtMs = clock.monotonicMs() + withinMs;
    for (;;) {
      const seen = await desk().run(offer.run);
      if (fits(seen)) return seen;
      if (clock.monotonicMs() > endsAtMs)
        return fail(
          `${what} within ${withinMs} ms: the run is ${seen.state}, its job ${seen.jobState}, after ${seen.attempts} attempts`,
        );
      await clock.sleep(pollMs);
    }
  };

  return {
    ...o,
    lines,
    dial,
    signedIn,
    registered,
    desk,
    offered,
    again,
    rejected: (offer) => {
      const { agentId, line } = offer.agent;
      say(offer, 'job.reject', { reason: 'busy' });
      line.send({ type: 'agent.status', messageId: 'kit-s', agentId, activeJobs: 0 });
      return again(offer);
    },
    words,
    say,
    running: async ({ extended = false, job } = {}) => {
      desk();
      const offer = await offered(await registered({ extended }), job);
      say(offer, 'job.ack');
      if (extended) await offer.agent.line.next('job.granted');
      say(offer, 'job.status', { state: 'running' });
      return offer;
    },
    until,
    ends: async (offer, state) => {
      const seen = await until(offer, `the run did not end`, (run) => over.has(run.state));
      if (seen.state !== state)
        fail(`the run ended as ${seen.state} instead of ${state}, its job as ${seen.jobState}`);
    },
    settle: async () => {
      for (const { line } of lines) if (line.closed === undefined) line.cut();
      for (const run of runs) {
        const seen = await o.work?.run(run);
        if (seen !== undefined && !over.has(seen.state)) await o.work?.cancel(run);
      }
      runs.clear();
    },
  };
}
