/** Waybill's extensions as a server speaks them: to those that announced them, and to nobody else. */
import { fail } from '../check.ts';
import { extensionsOf, numberOf, type RecordedFrame, textOf } from '../recorded-frame.ts';
import { approvalOf } from './answer-checks.ts';
import { ask } from './request.ts';
import type { ServerCheck } from './server-trial.ts';
import { kitBytes, kitSha256, put } from './storage-checks.ts';

const extensionTypes: ReadonlySet<string> = new Set([
  'job.granted',
  'job.heartbeat.ack',
  'job.status.ack',
  'usage.ack',
  'artifact.upload.response',
  'artifact.upload.result',
  'job.approval-resolved',
]);

export const extendedChecks: readonly ServerCheck[] = [
  {
    name: 'extensions-said',
    claim: '`register.ack` says which extensions are spoken.',
    section: 'WireExtensions',
    profile: 'waybill',
    run: async (trial) => {
      const { ack } = await trial.registered({ extended: true });
      const said = extensionsOf(ack);
      const lacking = ['fence', 'granted', 'heartbeatAck', 'terminalAck'].filter(
        (name) => said[name] !== true,
      );
      if (lacking.length > 0) fail(`it does not name ${lacking.join(', ')}`, ack);
    },
  },
  {
    name: 'fence-named',
    claim: 'A dispatch names `attempt` and `fence`, and the fence of the next attempt is higher.',
    section: 'WireExtensions: fence',
    profile: 'waybill',
    run: async (trial) => {
      const first = await trial.offered(await trial.registered({ extended: true }));
      if (numberOf(first.dispatch, 'attempt') !== 1) fail('`attempt` is not 1', first.dispatch);
      const second = await trial.rejected(first);
      if (numberOf(second.dispatch, 'attempt') !== 2) fail('`attempt` is not 2', second.dispatch);
      if ((numberOf(second.dispatch, 'fence') ?? 0) <= (numberOf(first.dispatch, 'fence') ?? 0))
        fail('the fence did not rise', second.dispatch);
    },
  },
  {
    name: 'granted',
    claim: '`job.ack` is followed by `job.granted` with the same fence.',
    section: 'job.granted',
    profile: 'waybill',
    run: async (trial) => {
      const offer = await trial.running({ extended: true });
      const [granted] = offer.agent.line.of('job.granted');
      if (granted?.fields['fence'] !== offer.dispatch.fields['fence'])
        fail('the fence is another', granted);
    },
  },
  {
    name: 'heartbeat-answered',
    claim:
      '`job.heartbeat` is answered with `job.heartbeat.ack`, which says how long the lease is.',
    section: 'job.heartbeat.ack',
    profile: 'waybill',
    run: async (trial) => {
      const offer = await trial.running({ extended: true });
      const { messageId: _, ...beat } = { messageId: '', ...trial.words(offer, 'job.heartbeat') };
      offer.agent.line.send(beat);
      const ack = await offer.agent.line.next('job.heartbeat.ack');
      if (textOf(ack, 'jobId') !== offer.jobId || (numberOf(ack, 'leaseMs') ?? 0) <= 0)
        fail('it grants nothing', ack);
    },
  },
  {
    name: 'terminal-acknowledged',
    claim:
      'A terminal status is answered with `job.status.ack`, again when it is sent again, and on another socket too.',
    section: 'job.status.ack',
    profile: 'waybill',
    run: async (trial) => {
      const offer = await trial.running({ extended: true });
      const word = trial.words(offer, 'job.status', { state: 'success' });
      const isAck = (frame: RecordedFrame): boolean =>
        frame.fields['messageId'] === Reflect.get(word, 'messageId');
      offer.agent.line.send(word);
      const first = await offer.agent.line.next('job.status.ack', { fits: isAck });
      offer.agent.line.send(word);
      await offer.agent.line.next('job.status.ack', { fits: isAck, after: first.place });
      const { line } = await trial.registered({ as: offer.agent });
      line.send(word);
      await line.next('job.status.ack', { fits: isAck });
      await trial.ends(offer, 'success');
    },
  },
  {
    name: 'usage-acknowledged',
    claim: '`usage.report` is answered with `usage.ack`, again when it is sent again.',
    section: 'usage.report, usage.ack',
    profile: 'waybill',
    run: async (trial) => {
      const offer = await trial.running({ extended: true });
      const report = trial.words(offer, 'usage.report', {
        entries: [{ kind: 'model_call', 'gen_ai.usage.input_tokens': 1 }],
      });
      const isAck = (frame: RecordedFrame): boolean =>
        frame.fields['messageId'] === Reflect.get(report, 'messageId');
      offer.agent.line.send(report);
      const first = await offer.agent.line.next('usage.ack', { fits: isAck });
      offer.agent.line.send(report);
      await offer.agent.line.next('usage.ack', { fits: isAck, after: first.place });
    },
  },
  {
    name: 'artifact-stored',
    claim: 'An artifact is uploaded, verified and named, or refused with a reason.',
    section: 'artifact.upload.*',
    profile: 'waybill',
    run: async (trial) => {
      const offer = await trial.running({ extended: true });
      const { runId, dispatch } = offer;
      const { attempt, fence } = dispatch.fields;
      const named = {
        runId,
        attempt,
        fence,
        name: 'kit.txt',
        mediaType: 'text/plain',
        sizeBytes: kitBytes.length,
      };
      const answer = await ask(offer, 'artifact.upload.request', named);
      if (!(await put(answer))) return 'it has no storage';
      const result = await ask(offer, 'artifact.upload.complete', {
        ...named,
        sha256: kitSha256,
        timestamp: 1,
      });
      if (!textOf(result, 'uri').startsWith('artifact://')) fail('it was not stored', result);
      return undefined;
    },
  },
  {
    name: 'approval-told-again',
    claim: 'An outcome that was decided while the agent was away is told when it asks again.',
    section: 'WireExtensions: approvals',
    profile: 'waybill',
    run: async (trial) => {
      const offer = await trial.running({ extended: true });
      const request = approvalOf(offer);
      offer.agent.line.send(request);
      const { approvals } = await trial.until(
        offer,
        'nobody is asked for the approval',
        (run) => run.approvals.length > 0,
      );
      offer.agent.line.cut();
      const agent = await trial.registered({ as: offer.agent, inFlight: [offer] });
      await trial.desk().decide(approvals[0] ?? '', 'approve');
      agent.line.send(request);
      const answer = await agent.line.next('step.approval-resolved');
      if (
        textOf(answer, 'requestId') !== request.messageId ||
        textOf(answer, 'outcome') !== 'approved'
      )
        fail('it is another', answer);
    },
  },
  {
    name: 'frames-valid',
    claim: 'Every frame that it has sent is a text frame that fits its schema.',
    section: 'The whole protocol',
    run: async (trial) => {
      const wrong = trial.lines
        .flatMap(({ line }) => line.frames)
        .find(({ refusal, isText }) => refusal !== undefined || !isText);
      if (wrong !== undefined)
        fail(
          wrong.refusal?.issues.map(({ path, message }) => `${path}: ${message}`).join('; ') ??
            'it is binary',
          wrong,
        );
    },
  },
  {
    name: 'extensions-unasked',
    claim: 'Agents that announced no extension got none of their messages.',
    section: 'WireExtensions',
    run: async (trial) => {
      const wrong = trial.lines
        .filter(({ extended }) => !extended)
        .flatMap(({ line }) => line.frames)
        .find(({ type }) => extensionTypes.has(type));
      if (wrong !== undefined) fail('this one came', wrong);
    },
  },
];
