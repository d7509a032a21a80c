/** What a server makes of an agent's reports: all of the log before the end, the first end for ever, nothing from strangers. */
import { fail } from '../check.ts';
import type { Offer, ServerCheck, ServerTrial } from './server-trial.ts';

const chunks = 60;
const perChunk = 50;
const stepLogBytes = 20_000;
const over: ReadonlySet<string> = new Set(['success', 'failed', 'cancelled']);

const logs = (trial: ServerTrial, offer: Offer, lines: readonly string[], stepIndex = 0): void =>
  trial.say(offer, 'log.chunk', { stepIndex, lines });

export const reportChecks: readonly ServerCheck[] = [
  {
    name: 'log-before-end',
    claim: 'When a run is seen to have ended, its whole log is there, in order.',
    section: 'log.chunk and job.status',
    run: async (trial) => {
      const offer = await trial.running();
      const wanted = Array.from({ length: chunks * perChunk }, (_, index) => `kit-line-${index}`);
      for (let at = 0; at < chunks; at += 1)
        logs(trial, offer, wanted.slice(at * perChunk, (at + 1) * perChunk));
      trial.say(offer, 'job.status', { state: 'success' });
      await trial.until(offer, 'the run did not end', ({ state }) => over.has(state));
      const seen = await trial.desk().log(offer.run);
      if (seen.length !== wanted.length)
        fail(`${seen.length} of ${wanted.length} lines were there`);
      if (seen.some((line, index) => line !== wanted[index]))
        fail('the lines are out of their order');
    },
  },
  {
    name: 'late-lines',
    claim: 'Lines behind the end of their step, and of step -1 and large indices, are kept.',
    section: 'log.chunk: stepIndex',
    run: async (trial) => {
      const offer = await trial.running();
      logs(trial, offer, ['kit-prepared'], -1);
      trial.say(offer, 'step.status', { stepIndex: 0, stepName: 'kit', state: 'running' });
      trial.say(offer, 'step.status', { stepIndex: 0, stepName: 'kit', state: 'success' });
      logs(trial, offer, ['kit-late']);
      logs(trial, offer, ['kit-hook'], 100_000);
      trial.say(offer, 'job.status', { state: 'success' });
      await trial.ends(offer, 'success');
      const seen = await trial.desk().log(offer.run);
      const lost = ['kit-prepared', 'kit-late', 'kit-hook'].filter((line) => !seen.includes(line));
      if (lost.length > 0) fail(`${lost.join(', ')} did not survive`);
    },
  },
  {
    name: 'log-truncated',
    claim:
      'A step that prints more than it may keeps what it may, with one line that says so, and its job is not harmed.',
    section: 'job.dispatch: maxLogSizeBytes',
    run: async (trial) => {
      const offer = await trial.running({ job: { maxLogSizeBytes: stepLogBytes } });
      const line = 'x'.repeat(99);
      for (let at = 0; at < 10; at += 1)
        logs(
          trial,
          offer,
          Array.from({ length: perChunk }, () => line),
        );
      trial.say(offer, 'job.status', { state: 'success' });
      await trial.ends(offer, 'success');
      const seen = await trial.desk().log(offer.run);
      const bytes = seen.filter((each) => each === line).length * 100;
      if (bytes > stepLogBytes) fail(`${bytes} bytes were kept of at most ${stepLogBytes}`);
      if (seen.every((each) => each === line)) fail('no line says that something is missing');
    },
  },
  {
    name: 'first-end-counts',
    claim: 'A repeated or contradicting terminal status changes nothing.',
    section: 'job.status',
    run: async (trial) => {
      const offer = await trial.running();
      for (const state of ['success', 'success', 'failed', 'running'])
        trial.say(offer, 'job.status', { state });
      await trial.ends(offer, 'success');
    },
  },
  {
    name: 'running-again',
    claim: '`running` more than once, and states of steps that only agents know, are taken.',
    section: 'job.status, step.status',
    run: async (trial) => {
      const offer = await trial.running();
      trial.say(offer, 'job.status', { state: 'running' });
      for (const state of ['pending', 'running', 'cancelled'])
        trial.say(offer, 'step.status', {
          stepIndex: 0,
          stepName: 'kit',
          state,
          data: { step_type: 'step' },
        });
      trial.say(offer, 'job.status', {
        state: 'success',
        data: { durationMs: 1, stepResults: [] },
      });
      await trial.ends(offer, 'success');
      if (!(await offer.agent.line.pinged(trial.withinMs)))
        fail('the connection ended', offer.agent.line.frames.at(-1));
    },
  },
  {
    name: 'foreign-frames',
    claim: 'What an agent says of another agent’s job changes nothing.',
    section: 'job.*: ownership',
    run: async (trial) => {
      const offer = await trial.running();
      const { line } = await trial.registered();
      trial.say(offer, 'log.chunk', { stepIndex: 0, lines: ['kit-foreign'] }, line);
      trial.say(offer, 'job.status', { state: 'failed' }, line);
      await line.pinged(trial.withinMs);
      await trial.clock.sleep(trial.quietMs / 2);
      const { state } = await trial.desk().run(offer.run);
      if (over.has(state)) fail(`the run ended as ${state}`);
      logs(trial, offer, ['kit-own']);
      trial.say(offer, 'job.status', { state: 'success' });
      await trial.ends(offer, 'success');
      const seen = await trial.desk().log(offer.run);
      if (seen.includes('kit-foreign')) fail('a line of a stranger is in the log');
    },
  },
  {
    name: 'in-flight-adopted',
    claim: 'A job that its agent brings back in `inFlightJobs` goes on, in the same attempt.',
    section: 'agent.register: inFlightJobs',
    run: async (trial) => {
      const offer = await trial.running();
      offer.agent.line.cut();
      const agent = await trial.registered({ as: offer.agent, inFlight: [offer] });
      const told = await agent.line.listen(trial.quietMs);
      const stop = told.find(({ type }) => type === 'job.cancel' || type === 'job.dispatch');
      if (stop !== undefined) fail('the job was cancelled or given out again', stop);
      trial.say({ ...offer, agent }, 'job.status', { state: 'success' });
      await trial.ends(offer, 'success');
      const { attempts } = await trial.desk().run(offer.run);
      if (attempts > 1) fail(`it took ${attempts} attempts`);
    },
  },
  {
    name: 'in-flight-lost',
    claim: 'A job that its agent does not bring back ends: its result is unknown.',
    section: 'agent.register: inFlightJobs',
    run: async (trial) => {
      const offer = await trial.running();
      offer.agent.line.cut();
      await trial.registered({ as: offer.agent });
      await trial.ends(offer, 'failed');
    },
  },
  {
    name: 'early-status-kept',
    claim: 'A terminal status between `auth.request` and `agent.register` counts.',
    section: 'job.status: early frames',
    run: async (trial) => {
      const offer = await trial.running();
      offer.agent.line.cut();
      await trial.registered({
        as: offer.agent,
        early: [
          trial.words(offer, 'log.chunk', { stepIndex: 0, lines: ['kit-early'] }),
          trial.words(offer, 'job.status', { state: 'success' }),
        ],
      });
      await trial.ends(offer, 'success');
      if (!(await trial.desk().log(offer.run)).includes('kit-early'))
        fail('the line that came with it is lost');
    },
  },
];
