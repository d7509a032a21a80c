/**
 * What an AI agent's work consists of beside steps: conversations with models, the context that was put together for them, the
 * workspaces that it touches. Facts of the run, answered by nothing.
 */
import { z } from 'zod';
import { extension } from './annotation.ts';
import {
  count,
  echo,
  freeRecord,
  jobId,
  messageId,
  name,
  quantity,
  runId,
  shortText,
  text,
  timestamp,
  url,
} from './field.ts';
import type { Immutable } from './immutable.ts';
import { wireLimits } from './limits.ts';
import { message, part } from './message.ts';

const digest = () =>
  z
    .string()
    .regex(/^sha256:[0-9a-f]{64}$/, 'must be `sha256:` and 64 lower-case hex digits')
    .describe('SHA-256 of the content, as `sha256:<hex>`.');

export const ConversationStatus = extension(
  message('conversation.status', 'A conversation of the job with a model began or ended.', {
    messageId,
    runId,
    jobId,
    timestamp,
    conversationId: name().min(1).describe('Names the conversation: `gen_ai.conversation.id`.'),
    state: z.enum(['started', 'ended', 'failed']).describe('What became of it.'),
    'gen_ai.agent.name': name().optional().describe('The agent program that speaks.'),
    'gen_ai.agent.version': shortText().optional().describe('Its version.'),
    'gen_ai.provider.name': name().optional().describe('Who provides the model.'),
    'gen_ai.request.model': name().optional().describe('The model.'),
    turns: count().optional().describe('How many turns it had, at its end.'),
    reason: text().optional().describe('Why it ended, for people.'),
    ...echo,
  }),
);
export type ConversationStatus = Immutable<z.infer<typeof ConversationStatus>>;

export const ContextSource = part('ContextSource', 'One part of a context bundle.', {
  uri: url().describe('Where it came from.'),
  kind: shortText().describe('What it is, as `file`, `ticket`, `memory`.'),
  digest: digest().optional(),
  sizeBytes: quantity().optional().describe('How large it is.'),
  tokens: count().optional().describe('How many tokens it has.'),
});
export type ContextSource = Immutable<z.infer<typeof ContextSource>>;

export const ContextRedaction = part(
  'ContextRedaction',
  'What was taken out of a context bundle.',
  {
    kind: shortText().describe('What it was, as `secret`, `email`. Never the thing itself.'),
    count: count().describe('How often.'),
    uri: url().optional().describe('The source that it was in.'),
  },
);
export type ContextRedaction = Immutable<z.infer<typeof ContextRedaction>>;

export const ContextBundle = extension(
  message(
    'context.bundle',
    'The context that a model was given: what it was made of, not its text.',
    {
      messageId,
      runId,
      jobId,
      timestamp,
      bundleId: name().min(1).describe('Names the bundle within the run.'),
      digest: digest(),
      sizeBytes: z
        .int()
        .min(0)
        .max(wireLimits.contextBytesMax, `must be ${wireLimits.contextBytesMax} bytes or less`)
        .describe('Size of the whole bundle.'),
      tokens: count().optional().describe('Tokens of the whole bundle.'),
      conversationId: name().optional().describe('The conversation that it was made for.'),
      sources: z
        .array(ContextSource)
        .max(wireLimits.contextSourcesMax)
        .describe('What it was made of, in order.'),
      redactions: z
        .array(ContextRedaction)
        .max(wireLimits.contextSourcesMax)
        .describe('What was taken out before anybody saw it; empty for nothing.'),
      uri: url().optional().describe('Where it is kept, as an artifact’s address.'),
      ...echo,
    },
  ),
);
export type ContextBundle = Immutable<z.infer<typeof ContextBundle>>;

export const WorkspaceRef = extension(
  message('workspace.ref', 'A workspace that the job reads or changes.', {
    messageId,
    runId,
    jobId,
    timestamp,
    workspaceId: name().min(1).describe('Names the workspace.'),
    kind: shortText().describe('What it is, as `git`, `directory`, `sandbox`.'),
    uri: url().optional().describe('Where it is, without credentials.'),
    ref: shortText().optional().describe('Branch or tag that it began with.'),
    sha: shortText().optional().describe('Commit that it began with.'),
    access: z.enum(['read', 'write']).optional().describe('What the job may do there.'),
    attributes: freeRecord().optional().describe('More about it.'),
    ...echo,
  }),
);
export type WorkspaceRef = Immutable<z.infer<typeof WorkspaceRef>>;
