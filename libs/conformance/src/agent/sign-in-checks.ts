/** How an agent signs in: who speaks first, what it says of itself, and what it waits for. */
import { fail, skip } from '../check.ts';
import { extensionsOf, labelsOf, textOf } from '../recorded-frame.ts';
import type { AgentCheck, AgentTrial } from './agent-trial.ts';

/** May come at any time, or tell nothing of a work or a registration. */
const passing = ['agent.metrics', 'agent.log', 'run.event', 'job.context'] as const;

const tokenOf = ({ token }: AgentTrial): string =>
  token ?? skip('the agent was given no token: name the one that it has with --token');

export const signInChecks: readonly AgentCheck[] = [
  {
    name: 'auth-first',
    claim:
      'With a token, the first frame is `auth.request` with that token and protocol version 1.',
    section: 'Authentication: auth.request',
    run: async (trial) => {
      const token = tokenOf(trial);
      const line = await trial.anew();
      const first =
        (await trial.watch.until(() => line.frames[0], trial.withinMs)) ??
        fail('no frame came on an open connection');
      if (first.type !== 'auth.request') fail('the first frame is no `auth.request`', first);
      if (first.fields['token'] !== token)
        fail('the token is another than the agent was given', first);
      if (first.fields['protocolVersion'] !== 1) fail('`protocolVersion` is not 1', first);
    },
  },
  {
    name: 'silent-before-auth',
    claim: 'Between `auth.request` and `auth.success` it says nothing.',
    section: 'Authentication: auth.success',
    run: async (trial) => {
      tokenOf(trial);
      const line = await trial.anew({ auth: 'hold' });
      await line.next('auth.request');
      await line.listen(trial.quietMs);
      const silent: readonly string[] = ['auth.request', ...passing];
      const early = line.frames.find(({ type }) => !silent.includes(type));
      if (early !== undefined) fail('it spoke before it was let in', early);
    },
  },
  {
    name: 'register-fields',
    claim: '`agent.register` names the agent and its labels, and every field fits its schema.',
    section: 'agent.register',
    run: async (trial) => {
      const line = await trial.anew();
      const register = await line.next('agent.register');
      if (register.refusal !== undefined) fail('it does not fit its schema', register);
      if (textOf(register, 'agentId') === '') fail('`agentId` is empty', register);
      if (labelsOf(register).length === 0)
        return 'it registers without a label: only jobs that ask for none are offered to it';
      return undefined;
    },
  },
  {
    name: 'register-same-agent',
    claim: 'After a reconnect it registers under the same `agentId`.',
    section: 'agent.register',
    run: async (trial) => {
      const before = await (await trial.registered()).next('agent.register');
      const again = await (await trial.anew()).next('agent.register');
      if (textOf(before, 'agentId') !== textOf(again, 'agentId'))
        fail('`agentId` has changed', again);
    },
  },
  {
    name: 'register-ack-awaited',
    claim: 'Before `register.ack` it sends neither `config.ack` nor a heartbeat.',
    section: 'register.ack',
    run: async (trial) => {
      const line = await trial.anew({ register: 'hold' });
      await line.next('agent.register');
      await line.listen(trial.quietMs);
      const early = line.frames.find(({ type }) => type === 'config.ack' || type === 'heartbeat');
      if (early !== undefined) fail('it takes itself for registered without an answer', early);
    },
  },
  {
    name: 'config-ack',
    claim: '`register.ack` is answered with `config.ack`, which names the agent.',
    section: 'config.ack',
    run: async (trial) => {
      const line = await trial.anew();
      const register = await line.next('agent.register');
      const ack = await line.next('config.ack', { after: register.place });
      if (textOf(ack, 'agentId') !== textOf(register, 'agentId'))
        fail('it names another agent', ack);
    },
  },
  {
    name: 'heartbeat',
    claim: 'While registered it sends a `heartbeat` every 30 s.',
    section: 'heartbeat',
    slow: 'a heartbeat takes 30 s',
    run: async (trial) => {
      const line = await trial.registered();
      const beat = await line.next('heartbeat', {
        after: trial.watch.last,
        withinMs: heartbeatWithinMs,
      });
      if (beat.refusal !== undefined) fail('it does not fit its schema', beat);
    },
  },
  {
    name: 'register-fallback',
    claim:
      'Without `register.ack` it goes on as registered after 10 s (told, not demanded: published agents wait for ever).',
    section: 'register.ack',
    slow: 'the fallback takes 10 s',
    run: async (trial) => {
      const line = await trial.anew({ register: 'hold', extensions: undefined });
      await line.next('agent.register');
      // Without a fence there is nothing to be granted, whatever was announced on an earlier connection.
      const job = trial.dispatch(line, 'quick', { attempt: undefined, fence: undefined });
      const log = await trial.watch.until(
        () => trial.about(job).find(({ type }) => type === 'log.chunk'),
        fallbackMs + trial.withinMs,
      );
      if (log === undefined)
        return 'it keeps its log for itself without `register.ack`: it has no fallback';
      const waitedMs = Math.round(log.atMs - line.openedMs);
      return waitedMs < fallbackMs / 2
        ? `it does not wait: its log came after ${waitedMs} ms`
        : `it went on after ${waitedMs} ms`;
    },
  },
  {
    name: 'extensions-announced',
    claim: '`agent.register` says that it follows fence, granted, heartbeatAck and terminalAck.',
    section: 'WireExtensions',
    profile: 'waybill',
    run: async (trial) => {
      const register = await (await trial.registered()).next('agent.register');
      const said = extensionsOf(register);
      const lacking = ['fence', 'granted', 'heartbeatAck', 'terminalAck'].filter(
        (name) => said[name] !== true,
      );
      if (lacking.length > 0) fail(`it does not announce ${lacking.join(', ')}`, register);
    },
  },
];

const heartbeatWithinMs = 36_000;
const fallbackMs = 10_000;
