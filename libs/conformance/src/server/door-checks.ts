/** How a server lets agents in, and what it does with those that it does not let in. None of it needs work. */
import { newId } from '@waybill/process';
import { fail } from '../check.ts';
import { labelsOf, textOf } from '../recorded-frame.ts';
import type { ServerCheck } from './server-trial.ts';

/** 10 s, and some for the way. */
const patienceMs = 15_000;

export const doorChecks: readonly ServerCheck[] = [
  {
    name: 'auth-success',
    claim: 'A good token is answered with `auth.success`, which has a `connectionId`.',
    section: 'Authentication: auth.success',
    run: async (trial) => {
      const line = await trial.signedIn();
      const [success] = line.of('auth.success');
      if (success?.refusal !== undefined) fail('it does not fit its schema', success);
    },
  },
  {
    name: 'auth-failure',
    claim: 'A bad token is answered with `auth.failure`, and the connection ends with 4010.',
    section: 'Authentication: auth.failure; Close codes: 4010',
    run: async (trial) => {
      const line = await trial.dial();
      line.send({ type: 'auth.request', token: `${trial.token}-not`, protocolVersion: 1 });
      const closed = await line.end();
      const [failure] = line.of('auth.failure');
      if (failure === undefined)
        fail(
          'no `auth.failure` came: existing agents would come back for ever',
          line.frames.at(-1),
        );
      if (failure?.refusal !== undefined) fail('it does not fit its schema', failure);
      if (closed.code !== 4010) fail(`the connection ended with ${closed.code}`, failure);
    },
  },
  {
    name: 'auth-timeout',
    claim: 'Who does not authenticate in time is closed with 4002.',
    section: 'Close codes: 4002',
    run: async (trial) => {
      const { code } = await (await trial.dial()).end({ withinMs: patienceMs });
      if (code !== 4002) fail(`the connection ended with ${code}`);
    },
  },
  {
    name: 'version-too-old',
    claim:
      'A protocol version below 1 is answered with `auth.failure`, and the connection ends with 4005.',
    section: 'Close codes: 4005',
    run: async (trial) => {
      const line = await trial.dial();
      line.send({ type: 'auth.request', token: trial.token, protocolVersion: 0 });
      const { code } = await line.end();
      if (line.of('auth.failure').length === 0) fail('no `auth.failure` came', line.frames.at(-1));
      if (code !== 4005) fail(`the connection ended with ${code}`);
    },
  },
  {
    name: 'register-before-auth',
    claim: 'Without `auth.request` nobody registers: the connection ends.',
    section: 'Authentication: auth.request',
    run: async (trial) => {
      const line = await trial.dial();
      line.send({
        type: 'agent.register',
        messageId: 'kit-1',
        agentId: 'kit-stranger',
        labels: [],
      });
      await line.end({ what: 'the end of the connection of a stranger' });
      const [ack] = line.of('register.ack');
      if (ack !== undefined) fail('a stranger was registered', ack);
    },
  },
  {
    name: 'register-timeout',
    claim: 'Who authenticates and does not register in time is closed with 4002.',
    section: 'Close codes: 4002',
    run: async (trial) => {
      const { code } = await (await trial.signedIn()).end({ withinMs: patienceMs });
      if (code !== 4002) fail(`the connection ended with ${code}`);
    },
  },
  {
    name: 'register-ack',
    claim:
      '`register.ack` repeats the agent’s id and its labels, and does not call it managed by a scaler.',
    section: 'register.ack',
    run: async (trial) => {
      const { ack, agentId, label } = await trial.registered();
      if (ack.refusal !== undefined) fail('it does not fit its schema', ack);
      if (textOf(ack, 'agentId') !== agentId) fail('`agentId` is another', ack);
      if (!labelsOf(ack).includes(label)) fail('a label is missing', ack);
      if (ack.fields['scalerManaged'] === true)
        fail('an agent that nobody made is called managed by a scaler', ack);
    },
  },
  {
    name: 'register-all-fields',
    claim: 'A registration with every field of the protocol, and one more, is taken.',
    section: 'agent.register',
    run: async (trial) => {
      const line = await trial.signedIn();
      line.send({
        type: 'agent.register',
        messageId: 'register-kit',
        agentId: `kit-full-${newId()}`,
        labels: ['kit-nobody', 'kici:os:linux'],
        maxConcurrency: 2,
        platform: 'linux',
        arch: 'x64',
        version: '0.1.24',
        inFlightJobs: [],
        hostname: 'kit',
        osRelease: '6.1',
        osVersion: '#1',
        totalMemoryMb: 1_024,
        cpuCount: 2,
        nodeVersion: '24.0.0',
        runningAsUser: 'kit',
        runningAsUid: 1_000,
        properties: { zone: 'a' },
        unknownField: { deep: true },
      });
      await line.next('register.ack');
    },
  },
  {
    name: 'second-register',
    claim:
      'A second `agent.register` on one socket is answered: it is refused with 4003, or acknowledged again.',
    section: 'agent.register',
    run: async (trial) => {
      const { line, ack, agentId, label } = await trial.registered();
      line.send({ type: 'agent.register', messageId: 'kit-2', agentId, labels: [label] });
      await trial.watch.until(
        () =>
          line.closed ??
          line.frames.find((frame) => frame.type === 'register.ack' && frame.place > ack.place),
        trial.withinMs,
      );
      if (line.closed !== undefined && line.closed.code !== 4003)
        fail(`the connection ended with ${line.closed.code}`);
      if (line.closed === undefined && line.of('register.ack').length < 2)
        fail('nothing came of it');
      return line.closed === undefined ? 'it is acknowledged again' : 'it is refused';
    },
  },
  {
    name: 'newest-wins',
    claim:
      'When an agent registers again on a new socket, the old one ends and the new one is answered.',
    section: 'agent.register',
    run: async (trial) => {
      const old = await trial.registered();
      const now = await trial.registered({ as: old });
      await old.line.end({ what: 'the end of the older connection' });
      if (!now.line.isOpen) fail('the newer connection ended');
      if (trial.work === undefined) return;
      const offer = await trial.offered(now);
      trial.say(offer, 'job.ack');
      trial.say(offer, 'job.status', { state: 'success' });
      await trial.ends(offer, 'success');
    },
  },
  {
    name: 'answers-pings',
    claim: 'A WebSocket ping is answered.',
    section: 'Connection: liveness',
    run: async (trial) => {
      const { line } = await trial.registered();
      if (!(await line.pinged(trial.withinMs))) fail('a ping was not answered');
    },
  },
  {
    name: 'pings',
    claim: 'It pings at least once a minute: agents never do.',
    section: 'Connection: liveness',
    slow: 'a ping may take a minute',
    run: async (trial) => {
      const { line } = await trial.registered();
      const pinged = await trial.watch.until(() => (line.pings > 0 ? true : undefined), 61_000);
      if (pinged === undefined) fail('no ping came within a minute');
    },
  },
  {
    name: 'no-compression',
    claim: 'Compression is not agreed to, which costs memory for every agent.',
    section: 'Connection: permessage-deflate',
    profile: 'waybill',
    run: async (trial) => {
      if ((await trial.dial({ perMessageDeflate: true })).compressed)
        fail('permessage-deflate was agreed to');
    },
  },
];
