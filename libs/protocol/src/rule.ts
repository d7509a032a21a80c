/**
 * A rule: which triggers start which jobs. Written in YAML, stored as generations in WB_CONFIG; a decision pins the generation
 * that it used, so a rule that changes later does not change what a run was made from.
 */
import { z } from 'zod';
import { UPSTREAM } from './emitted-event.ts';
import { JobRequests, runLimits } from './run-request.ts';

const globs = z.array(z.string().min(1).max(512)).min(1).max(64);

export const RuleName = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9_-]{0,62}$/,
    'must be lower case letters, digits, "_" or "-", 63 at most',
  );

export const Rule = z.strictObject({
  apiVersion: z.literal('waybill/v1'),
  kind: z.literal('Rule'),
  metadata: z.strictObject({ name: RuleName }),
  spec: z.strictObject({
    on: z
      .strictObject({
        source: z.string().min(1).max(64),
        /** The producer's own event name, as `push`; absent means every event of the source. */
        event: z.string().min(1).max(128).optional(),
        /** Globs over the branch: `*` within a path segment, `**` across, a leading `!` excludes. */
        branches: globs.optional(),
        /** Globs over the files that a push touched. */
        paths: globs.optional(),
        /**
         * Only with the source `upstream`: globs over `host/path` of the repositories whose runs' events count; only those of the
         * rule's own repository if absent.
         */
        repos: globs.optional(),
      })
      .refine(({ source, repos }) => repos === undefined || source === UPSTREAM, {
        path: ['repos'],
        error: 'must be left out: only events of the source "upstream" come from repositories',
      }),
    workflow: z.string().min(1).max(128).optional(),
    /** Where to clone from; the repository of a GitHub event if absent, no checkout if "". */
    repo: z.string().max(2048).optional(),
    jobs: JobRequests,
    ...runLimits,
  }),
});
export type Rule = z.infer<typeof Rule>;

/** A generation of a rule, as it is stored at `config.<org>.rule.<name>`. */
export const RuleGeneration = z.looseObject({ generation: z.int().positive(), rule: Rule });
export type RuleGeneration = z.infer<typeof RuleGeneration>;
