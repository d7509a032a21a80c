/** How an agent comes back: whatever ended its connection, later each time, with what it has in hand, and never when refused. */
import { fail, skip } from '../check.ts';
import type { Line } from '../line.ts';
import { isRecord } from '../recorded-frame.ts';
import type { AgentCheck, AgentTrial, SentJob } from './agent-trial.ts';
import { onceEach } from './log-checks.ts';
import { isTerminal } from './manner.ts';
import { isAbout } from './stand.ts';

const comesBack = (name: string, code: number | 'cut', what: string): AgentCheck => ({
  name,
  claim: `After ${what} it connects again, registers and works.`,
  section: 'Close codes',
  run: async (trial) => {
    const line = await trial.registered();
    if (code === 'cut') line.cut();
    else line.close(code, 'the kit tries reconnects');
    const again = await trial.back(line);
    await again.next('agent.register');
    await trial.works('after a reconnect');
  },
});

/** What its registration lists as in flight. */
async function listed(line: Line): Promise<readonly unknown[]> {
  const { fields } = await line.next('agent.register');
  const listed: unknown = fields['inFlightJobs'];
  return Array.isArray(listed) ? [...(listed as readonly unknown[])] : []; // of an array every member is unknown
}
const names = (list: readonly unknown[], { jobId, runId }: SentJob): boolean =>
  list.some((entry) => isRecord(entry) && entry['jobId'] === jobId && entry['runId'] === runId);

/** Longer than the longest first wait of published agents, 1.5 s. */
const stoppedMs = 5_000;

const staysAway = (
  name: string,
  refuse: (trial: AgentTrial) => Promise<Line>,
  what: string,
): AgentCheck => ({
  name,
  claim: `After ${what} it never connects again.`,
  section: 'Close codes: 4010, auth.failure',
  run: async (trial) => {
    const line = await refuse(trial);
    trial.gone();
    await line.end({ what: 'the end of a refused connection' });
    const isBack = await trial.dials(line, stoppedMs);
    if (isBack) fail('it came back');
    if (trial.process !== undefined)
      return trial.process.isRunning ? 'its process stays up' : 'its process ends';
    return undefined;
  },
});

export const connectionChecks: readonly AgentCheck[] = [
  comesBack('reconnect-1001', 1001, '1001 (going away)'),
  comesBack('reconnect-4003', 4003, '4003 (invalid message)'),
  comesBack('reconnect-4004', 4004, '4004 (heartbeat timeout)'),
  comesBack('reconnect-4031', 4031, '4031 (dispatch not answered)'),
  comesBack('reconnect-drop', 'cut', 'a connection that is cut'),
  {
    name: 'backoff',
    claim: 'It waits before it connects again, and longer each time that it fails.',
    section: 'Connection: backoff',
    run: async (trial) => {
      const first = await trial.registered();
      trial.stand.behave({ onOpen: 'close' });
      first.close(1001, 'come back');
      const lines: Line[] = [first];
      for (let no = 0; no < 3; no += 1)
        lines.push(await trial.back(lines.at(-1), { withinMs: trial.withinMs + backoffMs }));
      const waits = lines.slice(1).map(({ openedMs }, index) => {
        const before = lines[index];
        return Math.round(openedMs - (before?.closed?.atMs ?? before?.openedMs ?? openedMs));
      });
      if (Math.min(...waits) < waitMsMin) fail(`it waited ${waits.join(', ')} ms: hardly at all`);
      if ((waits.at(-1) ?? 0) <= (waits[0] ?? 0))
        fail(`it waited ${waits.join(', ')} ms: not longer each time`);
    },
  },
  {
    name: 'in-flight',
    claim: 'After a reconnect `inFlightJobs` names the job that still runs, with its run.',
    section: 'agent.register: inFlightJobs',
    run: async (trial) => {
      const job = await trial.taken('long');
      await trial.says(job, 'kit-begun');
      job.line.cut();
      const again = await trial.back(job.line);
      const list = await listed(again);
      if (!names(list, job)) fail('the job that runs is not in it', again.of('agent.register')[0]);
      await trial.watch.until(() => trial.about(job).find(isTerminal), trial.quietMs);
      const ended = trial.about(job).find(isTerminal);
      if (ended !== undefined) fail('the job was given up over it', ended);
    },
  },
  {
    name: 'in-flight-ended',
    claim: 'A job that has ended, and was heard to, is not in flight any more.',
    section: 'agent.register: inFlightJobs',
    run: async (trial) => {
      const job = await trial.taken('quick');
      await trial.ended(job);
      const line = await trial.anew();
      if (names(await listed(line), job)) fail('it is still listed', line.of('agent.register')[0]);
    },
  },
  {
    name: 'log-while-away',
    claim:
      'What is printed while it is away comes after it is back, in order, and nothing of it is lost.',
    section: 'log.chunk: buffering',
    run: async (trial) => {
      const job = await trial.taken('ticking');
      await trial.says(job, 'kit-line-3');
      job.line.cut();
      await trial.back(job.line);
      await trial.ended(job, trial.withinMs + tickingMs);
      onceEach(trial, job, 40);
    },
  },
  {
    name: 'result-while-away',
    claim:
      'A job that ends while it is away is reported when it is back (told, not demanded: published agents lose it).',
    section: 'job.status: lost results',
    run: async (trial) => {
      const job = await trial.taken('ticking');
      await trial.says(job, 'kit-line-3');
      trial.stand.behave({ onOpen: 'close' });
      job.line.cut();
      await trial.clock.sleep(tickingMs);
      const refused = trial.stand.visits.at(-1)?.line;
      trial.stand.behave({ onOpen: 'greet' });
      const again = await trial.back(refused, { withinMs: trial.withinMs + backoffMs });
      const isListed = names(await listed(again), job);
      const status = await trial.watch.until(
        () => trial.about(job).find(isTerminal),
        trial.quietMs * 2,
      );
      if (status !== undefined)
        return `it is reported${isListed ? ', and in flight until then' : ''}`;
      if (trial.profile === 'waybill') fail('its terminal status is lost');
      return isListed
        ? 'its terminal status is lost, though it is listed as in flight'
        : 'its terminal status is lost';
    },
  },
  {
    name: 'heartbeat-while-away',
    claim: 'A `job.heartbeat` that falls due while it is away is sent when it is back.',
    section: 'job.heartbeat: buffering',
    slow: 'a heartbeat of a job takes 60 s',
    run: async (trial) => {
      const job = await trial.taken('long');
      await trial.says(job, 'kit-begun');
      trial.stand.behave({ onOpen: 'close' });
      job.line.cut();
      await trial.clock.sleep(heartbeatDueMs);
      const refused = trial.stand.visits.at(-1)?.line;
      trial.stand.behave({ onOpen: 'greet' });
      const again = await trial.back(refused, { withinMs: longBackoffMs });
      const beat = await again.next('job.heartbeat', {
        fits: (frame) => isAbout(frame, job.jobId),
      });
      if (beat.refusal !== undefined) fail('it does not fit its schema', beat);
    },
  },
  {
    name: 'early-dispatch',
    claim:
      'A dispatch before `register.ack` is answered, or passed over, and does no harm (told, not demanded).',
    section: 'register.ack',
    run: async (trial) => {
      const line = await trial.anew({ register: 'hold' });
      await line.next('agent.register');
      const job = trial.dispatch(line, 'quick');
      const first = await trial.watch.until(() => trial.about(job)[0], trial.quietMs);
      return first === undefined ? 'it is passed over' : `it is answered with \`${first.type}\``;
    },
  },
  staysAway(
    'stops-on-auth-failure',
    async (trial) => {
      if (trial.process === undefined)
        skip('it stops for good: only an agent that was started with --exec can be started again');
      if (trial.token === undefined) skip('the agent was given no token');
      const line = await trial.anew({ auth: 'refuse' });
      await line.next('auth.request');
      return line;
    },
    '`auth.failure`',
  ),
  staysAway(
    'stops-on-4010',
    async (trial) => {
      const line = await trial.registered();
      line.close(4010, 'revoked');
      return line;
    },
    'close code 4010',
  ),
];

const waitMsMin = 200;
const backoffMs = 8_000;
const tickingMs = 8_000;
const heartbeatDueMs = 62_000;
const longBackoffMs = 65_000;
