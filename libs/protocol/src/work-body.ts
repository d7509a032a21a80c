/**
 * The bodies of facts about an agent's work beside its steps: what it used, with whom it talked, what it left behind. Frames are
 * stored as they came, and read here only as far as the fold and the projections need them; what a gateway has done for an agent
 * is written by it. Kept for ever: add an optional field, never change one.
 */
import { z } from 'zod';

const units = z.number().nonnegative().optional();

export const UsageReported = z.looseObject({
  entries: z
    .array(
      z.looseObject({
        kind: z
          .enum(['model_call', 'tool_call', 'memory_operation', 'retrieval'])
          .describe('What was done.'),
        costUsd: z
          .string()
          .regex(/^\d{1,6}(?:\.\d{1,9})?$/)
          .optional()
          .describe('What the provider billed, in US dollars, as decimal text.'),
        'gen_ai.usage.input_tokens': units,
        'gen_ai.usage.output_tokens': units,
        'gen_ai.usage.cache_read.input_tokens': units,
        'gen_ai.usage.cache_creation.input_tokens': units,
        'gen_ai.usage.reasoning.output_tokens': units,
      }),
    )
    .describe('The calls, in order.'),
});
export type UsageReported = z.infer<typeof UsageReported>;

export const ConversationReported = z.looseObject({
  conversationId: z.string().describe('The conversation.'),
  state: z.string().describe('`started`, `ended` or `failed`.'),
});
export const ContextReported = z.looseObject({
  bundleId: z.string().describe('The bundle.'),
  digest: z.string().describe('SHA-256 of its content, as `sha256:<hex>`.'),
  sizeBytes: z.number().describe('How large it is.'),
});
export const WorkspaceReported = z.looseObject({
  workspaceId: z.string().describe('The workspace.'),
  kind: z.string().describe('What it is, as `git`.'),
});

const sha256 = z.string().describe('SHA-256 of the bytes, in lower-case hex, as they were found.');
const sizeBytes = z.number().describe('How many bytes were found.');

/** Verified: what lies in the object store is what this says. */
export const ArtifactStored = z.looseObject({
  name: z.string().describe('Its name in the run.'),
  uri: z.string().describe('`artifact://exec/<run>/<name>`.'),
  sha256,
  sizeBytes,
  mediaType: z.string().optional().describe('Its media type.'),
  stepIndex: z.int().optional().describe('The step that made it.'),
});
export type ArtifactStored = z.infer<typeof ArtifactStored>;

export const ProvenanceStored = z.looseObject({
  subjectName: z.string().describe('The artefact that it attests.'),
  subjectDigest: z.string().describe('Digest of that artefact, in lower-case hex.'),
  mediaType: z.string().describe('Media type of the attestation.'),
  sha256,
  sizeBytes,
});
export const CacheStored = z.looseObject({
  kind: z.enum(['source', 'deps', 'cache']).describe('A build cache, or one of a key of its own.'),
  key: z.string().describe('The key.'),
  sha256,
  sizeBytes,
});
export const CacheRestored = z.looseObject({
  key: z.string().describe('The key that was asked for.'),
  matchedKey: z.string().nullable().describe('The key that was found; null for none.'),
});
export const ConcurrencyReported = z.looseObject({
  group: z.string().describe('The group that the job says it belongs to.'),
  action: z.enum(['proceed', 'cancel']).describe('What it was told.'),
});
/** Of agents of the protocol, beside it. */
export const RunEventFact = z.looseObject({
  eventType: z.string().describe('What happened, as `agent.execution.start`.'),
});
/** Without the values of its environment, which hold the agent’s own token. */
export const JobContextFact = z.looseObject({});
