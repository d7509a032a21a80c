/**
 * What a run may be given to reach other places with: repositories, package registries, the environment of an installation, and
 * secrets by context. Sealed together before the first append, and opened only while the frame of a dispatch is written.
 */
import { z } from 'zod';
import { GitAuth, NpmRegistry } from './wire/git-auth.ts';

const contextsMax = 64;
const secretsMax = 256;
const registriesMax = 64;

const variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, {
  error: 'must be a variable name: letters, digits and "_"',
});
const counted = (what: string, max: number) => (value: object, ctx: z.core.$RefinementCtx) => {
  if (Object.keys(value).length > max)
    ctx.addIssue({ code: 'custom', message: `a run has at most ${max} ${what}` });
};

export const credentialFields = {
  /** How its agents clone the repository, and the workflow's own where that is another one. */
  sourceAuth: GitAuth.optional(),
  workflowAuth: GitAuth.optional(),
  /** Private registries, for the installation of dependencies only. */
  npmRegistries: z.array(NpmRegistry).max(registriesMax).optional(),
  installEnvSecrets: z
    .record(variable, z.string())
    .superRefine(counted('secrets for its installation', secretsMax))
    .optional(),
  /** Secrets by context: its name, then key and value. */
  namespacedSecrets: z
    .record(
      z.string().min(1).max(128),
      z.record(z.string(), z.string()).superRefine(counted('secrets in one context', secretsMax)),
    )
    .superRefine(counted('contexts of secrets', contextsMax))
    .optional(),
} as const;

export const RunCredentials = z.object(credentialFields);
export type RunCredentials = z.infer<typeof RunCredentials>;

/** The names of them, as they stand in a request and in a dispatch. */
export const credentialNames = Object.keys(credentialFields) as readonly (keyof RunCredentials)[]; // the keys of the schema's own fields
