/** The rows of what agents tell of their work: usage, conversations, contexts, workspaces. */
import { type Coverage, echo, inAgent, inWork, report, same, source } from './proof.ts';

const told = inWork('%s stands in the run with every field, as %s');
const spent = inWork(
  'usage.report is kept with every field of its entries, summed, priced, and answered with usage.ack',
);
const row = (what: string) => `${what} Kept with the fact and among the rows of what was used.`;

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
};
