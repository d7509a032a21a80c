/** The rows of what an agent asks for beside objects: approvals, and rules for the events that it emits. */
import {
  type Coverage,
  echo,
  inAgent,
  inAsking,
  inGateway,
  inRunner,
  same,
  source,
} from './proof.ts';

const emitted = inAsking(
  'event.emit becomes a trigger with every field, and is answered with event.emit.response',
);
const asked = inAsking('%s opens an approval with every field, and its outcome is told as %s');

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

export const askingCoverage: Coverage = {
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
        provenBy: inAsking(
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
