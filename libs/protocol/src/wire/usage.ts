/**
 * What work with models costs, as the agent counts it: model calls, tool calls, memory operations and retrievals, under the
 * attribute names of OpenTelemetry's `gen_ai` conventions. Reported as it happens and kept by our SDK until acknowledged.
 */
import { z } from 'zod';
import { extension } from './annotation.ts';
import { count, echo, id, jobId, messageId, name, quantity, runId, timestamp } from './field.ts';
import type { Immutable } from './immutable.ts';
import { wireLimits } from './limits.ts';
import { message, part } from './message.ts';

export const WireUsageKind = z.enum(['model_call', 'tool_call', 'memory_operation', 'retrieval']);
export type WireUsageKind = z.infer<typeof WireUsageKind>;

const tokens = () => z.int().min(0).max(wireLimits.tokensMax);

export const UsageEntry = part('UsageEntry', 'One call, and what it used.', {
  kind: WireUsageKind.describe('What was done.'),
  stepIndex: count().optional().describe('The step that did it, from 0.'),
  startedAt: timestamp.optional().describe('When it began, in Unix milliseconds.'),
  durationMs: quantity().optional().describe('How long it took, in milliseconds.'),
  costUsd: z
    .string()
    .regex(/^\d{1,6}(?:\.\d{1,9})?$/, 'must be a decimal number of dollars, 9 places at most')
    .optional()
    .describe('What the provider has billed for it, in US dollars, as decimal text.'),
  'error.type': name().optional().describe('Why it failed; absent where it did not.'),
  'gen_ai.operation.name': name().optional().describe('The operation, as `chat`.'),
  'gen_ai.provider.name': name().optional().describe('Who provides the model.'),
  'gen_ai.request.model': name().optional().describe('The model that was asked for.'),
  'gen_ai.response.model': name().optional().describe('The model that answered.'),
  'gen_ai.response.id': name().optional().describe('The provider’s name of the answer.'),
  'gen_ai.conversation.id': name().optional().describe('The conversation that it belongs to.'),
  'gen_ai.agent.name': name().optional().describe('The agent program that did it.'),
  'gen_ai.tool.name': name().optional().describe('The tool that was called.'),
  'gen_ai.tool.call.id': name().optional().describe('The model’s name of the call.'),
  'gen_ai.data_source.id': name().optional().describe('Where a retrieval has read.'),
  'gen_ai.usage.input_tokens': tokens().optional().describe('Tokens read, cached ones included.'),
  'gen_ai.usage.output_tokens': tokens()
    .optional()
    .describe('Tokens written, those of reasoning included.'),
  'gen_ai.usage.cache_read.input_tokens': tokens()
    .optional()
    .describe('Of the tokens read, those from the provider’s cache.'),
  'gen_ai.usage.cache_creation.input_tokens': tokens()
    .optional()
    .describe('Of the tokens read, those put into that cache.'),
  'gen_ai.usage.reasoning.output_tokens': tokens()
    .optional()
    .describe('Of the tokens written, those of reasoning.'),
});
export type UsageEntry = Immutable<z.infer<typeof UsageEntry>>;

export const UsageReport = extension(
  message('usage.report', 'What the job has used since the last report.', {
    messageId: messageId.describe(
      'Names this report for ever: one that is sent again under the same id counts once.',
    ),
    runId,
    jobId,
    timestamp,
    entries: z
      .array(UsageEntry)
      .min(1)
      .max(wireLimits.usageEntriesMax)
      .describe('The calls, in order.'),
    ...echo,
  }),
);
export type UsageReport = Immutable<z.infer<typeof UsageReport>>;

export const UsageAck = extension(
  message('usage.ack', 'The report is in the log; the agent need not keep it.', {
    messageId: messageId.describe('The `messageId` of the report.'),
    runId,
    jobId: id().describe('The job, as the report named it.'),
  }),
);
export type UsageAck = Immutable<z.infer<typeof UsageAck>>;
