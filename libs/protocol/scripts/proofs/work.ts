/** The rows of frames about an agent’s work: usage, conversations, contexts, workspaces, artifacts, approvals, events. */
import {
  type Coverage,
  echo,
  inAgent,
  inGateway,
  inRunner,
  inWork,
  report,
  same,
  source,
} from './proof.ts';

const told = inWork('%s stands in the run with every field, as %s');
const spent = inWork(
  'usage.report is kept with every field of its entries, summed, priced, and answered with usage.ack',
);
const made = inWork(
  'artifact.upload.request and artifact.upload.complete leave an artifact with every field, at its address',
);
const mistaken = inWork(
  'artifact frames with another attempt or fence than the dispatch are taken for the attempt that holds the job',
);
const emitted = inWork(
  'event.emit becomes a trigger with every field, and is answered with event.emit.response',
);
const asked = inWork('%s opens an approval with every field, and its outcome is told as %s');
const ignored = {
  does: 'Accepted and not used: the session and the stored offer say which attempt it is.',
  handledIn: source.speaker,
  provenBy: mistaken,
};
const row = (what: string) => `${what} Kept with the fact and among the rows of what was used.`;

const approval = {
  messageId: 'Names the request: asked for again under it, there is one approval, and one answer.',
  runId: same.runId,
  jobId: same.jobId,
  clauses: {
    does: 'All of them have to be met by people who approve; none means anybody.',
    handledIn: source.approval,
  },
  'clauses.user': {
    does: 'This person has to approve.',
    handledIn: source.approval,
  },
  'clauses.team': {
    does: 'Somebody has to approve who is of this team by the settings of the organisation.',
    handledIn: source.approval,
  },
  reason: 'Shown to people who are asked.',
  timeoutSeconds: {
    does: 'When it expires, from when it was stored; as the organisation has set when absent.',
    handledIn: source.approval,
  },
  payload: same.kept,
} as const;
const resolved = (what: string) => ({
  requestId: 'The `messageId` of the request.',
  runId: 'The run.',
  jobId: 'The attempt, as the request named it.',
  outcome: {
    does: '`approved`, `rejected` by anybody who may, or `expired`.',
    runner: inRunner('step-gate', 'that is %s fails the job with its reason'),
  },
  reason: `What the person said who rejected ${what}.`,
});

export const workCoverage: Coverage = {
  'usage.report': {
    handledIn: source.jobs,
    provenBy: spent,
    fields: {
      messageId: 'Names the report for ever: sent again it counts once, on whichever session.',
      runId: same.runId,
      jobId: 'Names the attempt; also behind its end, because the money was spent.',
      timestamp: same.timestamp,
      entries: { does: 'Each a row; summed for job and run.', handledIn: source.usage },
      'entries.kind': { does: 'Counted by kind for job and run.', handledIn: source.usage },
      'entries.stepIndex': row('The step that did it.'),
      'entries.startedAt': row('When it began.'),
      'entries.durationMs': row('How long it took.'),
      'entries.costUsd': {
        does: 'Summed exactly, in billionths of a dollar, for job, run and record.',
        handledIn: source.usage,
      },
      'entries.error.type': row('Why it failed.'),
      'entries.gen_ai.operation.name': row('What was done.'),
      'entries.gen_ai.provider.name': row('Who provides the model.'),
      'entries.gen_ai.request.model': row('The model that was asked for.'),
      'entries.gen_ai.response.model': row('The model that answered.'),
      'entries.gen_ai.response.id': row('The provider’s name of the answer.'),
      'entries.gen_ai.conversation.id': row('The conversation it belongs to.'),
      'entries.gen_ai.agent.name': row('The program that did it.'),
      'entries.gen_ai.tool.name': row('The tool that was called.'),
      'entries.gen_ai.tool.call.id': row('The model’s name of the call.'),
      'entries.gen_ai.data_source.id': row('Where a retrieval has read.'),
      'entries.gen_ai.usage.input_tokens': {
        does: 'Summed for job and run.',
        handledIn: source.usage,
      },
      'entries.gen_ai.usage.output_tokens': {
        does: 'Summed for job and run.',
        handledIn: source.usage,
      },
      'entries.gen_ai.usage.cache_read.input_tokens': {
        does: 'Summed for job and run.',
        handledIn: source.usage,
      },
      'entries.gen_ai.usage.cache_creation.input_tokens': {
        does: 'Summed for job and run.',
        handledIn: source.usage,
      },
      'entries.gen_ai.usage.reasoning.output_tokens': {
        does: 'Summed for job and run.',
        handledIn: source.usage,
      },
      ...echo,
    },
  },
  'usage.ack': {
    handledIn: source.jobs,
    provenBy: spent,
    fields: {
      messageId: {
        does: 'That of the report, which is in the log and need not be kept.',
        runner: inAgent(
          'work',
          'is sent under one id until it is acknowledged, and does not keep its job in flight',
        ),
      },
      runId: 'The run.',
      jobId: 'The attempt, as the report named it.',
    },
  },
  'conversation.status': {
    handledIn: source.facts,
    provenBy: told,
    fields: {
      ...report,
      timestamp: same.timestamp,
      conversationId: same.kept,
      state: same.kept,
      'gen_ai.agent.name': same.kept,
      'gen_ai.agent.version': same.kept,
      'gen_ai.provider.name': same.kept,
      'gen_ai.request.model': same.kept,
      turns: same.kept,
      reason: same.kept,
      ...echo,
    },
  },
  'context.bundle': {
    handledIn: source.facts,
    provenBy: told,
    fields: {
      ...report,
      timestamp: same.timestamp,
      bundleId: same.kept,
      digest: same.kept,
      sizeBytes: 'Kept with the fact; over the limit of the wire the frame is refused.',
      tokens: same.kept,
      conversationId: same.kept,
      sources: same.kept,
      'sources.uri': same.kept,
      'sources.kind': same.kept,
      'sources.digest': same.kept,
      'sources.sizeBytes': same.kept,
      'sources.tokens': same.kept,
      redactions: same.kept,
      'redactions.kind': same.kept,
      'redactions.count': same.kept,
      'redactions.uri': same.kept,
      uri: same.kept,
      ...echo,
    },
  },
  'workspace.ref': {
    handledIn: source.facts,
    provenBy: told,
    fields: {
      ...report,
      timestamp: same.timestamp,
      workspaceId: same.kept,
      kind: same.kept,
      uri: same.kept,
      ref: same.kept,
      sha: same.kept,
      access: same.kept,
      attributes: same.kept,
      ...echo,
    },
  },
  'artifact.upload.request': {
    handledIn: source.objects,
    provenBy: made,
    fields: {
      messageId: same.answered,
      runId: same.runId,
      jobId: same.jobId,
      name: 'The name of the artifact in its run; one that another job has taken has no place.',
      sizeBytes: {
        does: 'Accepted and not used: what `artifact.upload.complete` says is compared with the bytes.',
        provenBy: mistaken,
      },
      mediaType: {
        does: 'Accepted and not used: that of `artifact.upload.complete` is kept.',
        provenBy: mistaken,
      },
      attempt: ignored,
      fence: ignored,
    },
  },
  'artifact.upload.response': {
    handledIn: source.objects,
    provenBy: made,
    fields: {
      requestId: 'The `messageId` of the request.',
      uploadUrl: {
        does: 'A signed address for one upload by this attempt; empty where there is no place.',
        runner: inAgent('uploads', 'is uploaded, verified and has an address then'),
      },
      error: 'Why there is no place.',
    },
  },
  'artifact.upload.complete': {
    handledIn: source.objects,
    provenBy: made,
    fields: {
      messageId: same.answered,
      runId: same.runId,
      jobId: same.jobId,
      timestamp: {
        does: 'Accepted and not used: the fact is written by the gateway, with the time of the log.',
        provenBy: mistaken,
      },
      name: 'The artifact that becomes one.',
      sha256: 'Compared with the bytes; another one is refused.',
      sizeBytes: 'Compared with the bytes; another one is refused.',
      mediaType: 'Kept with the artifact, and given with its download.',
      stepIndex: 'Kept with the artifact.',
      attributes: 'Kept with the artifact.',
      attempt: ignored,
      fence: ignored,
    },
  },
  'artifact.upload.result': {
    handledIn: source.objects,
    provenBy: made,
    fields: {
      requestId: 'The `messageId` of the completion.',
      uri: {
        does: 'The address of the artifact, once it is verified and in the log.',
        runner: inAgent('uploads', 'is uploaded, verified and has an address then'),
      },
      error: {
        does: 'Why it is not kept.',
        runner: inAgent('uploads', 'that the server does not keep fails with its reason'),
      },
    },
  },
  'step.approval-request': {
    handledIn: source.jobs,
    provenBy: asked,
    fields: {
      ...approval,
      stepIndex: 'The step that waits; stands in the answer.',
      stepName: 'Shown to people who are asked.',
    },
  },
  'step.approval-resolved': {
    handledIn: source.outcome,
    provenBy: asked,
    fields: { ...resolved('it'), stepIndex: 'That of the request.' },
  },
  'job.approval-request': {
    handledIn: source.jobs,
    provenBy: asked,
    fields: { ...approval, ...echo },
  },
  'job.approval-resolved': {
    handledIn: source.outcome,
    provenBy: asked,
    fields: {
      ...resolved('it'),
      outcome: {
        does: '`approved`, `rejected` by anybody who may, or `expired`.',
        runner: inAgent(
          'requests',
          'is asked again under its id after a reconnect where the server keeps it',
        ),
      },
    },
  },
  'event.emit': {
    handledIn: source.events,
    provenBy: emitted,
    fields: {
      jobId: 'Names the attempt that emits; otherwise the answer is an error.',
      requestId: 'Stands in the answer; the same request of the same attempt is the same trigger.',
      eventName: {
        does: 'The event of the trigger, which rules listen for; 100 of one name a minute.',
        provenBy: inGateway(
          'event-intake',
          'is refused as the hundred and first of its name within a minute, whoever emits it',
        ),
      },
      payload: 'The data of the trigger, which rules read.',
      target: 'Narrows whom it is for.',
      'target.repos': {
        does: 'Only rules of these repositories hear it.',
        provenBy: inWork(
          'event.emit with target.repos is heard by rules of these repositories alone',
        ),
      },
    },
  },
  'event.emit.response': {
    handledIn: source.events,
    provenBy: emitted,
    fields: {
      requestId: 'That of the event.',
      deliveryId: {
        does: 'The trigger that it has become, once that is in the log.',
        runner: inAgent('requests', 'resolves with the receipt of the server'),
      },
      error: {
        does: 'Why it has not become one, within five seconds.',
        runner: inAgent('requests', 'fails with the reason of the server'),
      },
    },
  },
};
