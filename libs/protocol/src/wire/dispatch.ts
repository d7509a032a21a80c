/** Work for an agent: the dispatch, which carries all that a job needs, and the cancel. */
import { z } from 'zod';
import { extension, observed, secret } from './annotation.ts';
import {
  attempt,
  count,
  fence,
  freeRecord,
  id,
  jobId,
  messageId,
  runId,
  shortText,
  text,
  timestamp,
  url,
} from './field.ts';
import { GitAuth, NpmRegistry } from './git-auth.ts';
import type { Immutable } from './immutable.ts';
import { wireLimits } from './limits.ts';
import { message } from './message.ts';
import type { WireRule } from './rule.ts';

const textRecord = () => z.record(z.string(), z.string());

const agreement: readonly WireRule[] = [
  {
    id: 'dispatch-token-needs-basic',
    statement: '`sourceAuth.kind` must be `basic` when `token` is present',
    when: [{ has: ['token'] }, { has: ['sourceAuth'] }],
    then: [{ at: ['sourceAuth', 'kind'], oneOf: ['basic'] }],
    issueAt: ['sourceAuth', 'kind'],
  },
  {
    id: 'dispatch-token-equals-secret',
    statement: '`sourceAuth.secret` must equal `token` when both are present',
    when: [{ has: ['token'] }, { at: ['sourceAuth', 'kind'], oneOf: ['basic'] }],
    same: [['token'], ['sourceAuth', 'secret']],
    issueAt: ['sourceAuth', 'secret'],
    jsonSchema: null,
    reason: 'JSON Schema cannot compare two values of a document',
  },
];

export const JobDispatch = message(
  'job.dispatch',
  'Offers a job. The agent answers with `job.ack` or `job.reject` within the deadline.',
  {
    messageId,
    runId,
    jobId: id().describe(
      'Names this offer of the job; attempt n of `j` is `j-an` from the second on.',
    ),
    repoUrl: url().describe('The repository; empty for none.'),
    ref: text(wireLimits.nameCharsMax).describe('Branch, tag or commit to check out.'),
    sha: shortText().describe('The commit.'),
    lockFileUrl: url().describe('Where the lock file is; may be empty.'),
    jobConfig: freeRecord().describe('What to run, as the agent’s own runner understands it.'),
    timestamp,
    token: secret(text()).optional().describe('A short-lived token to clone with.'),
    secrets: secret(textRecord()).optional().describe('Secrets for the environment of the steps.'),
    namespacedSecrets: secret(z.record(z.string(), textRecord()))
      .optional()
      .describe('Secrets by context: name of the context, then key and value.'),
    maxLogSizeBytes: count().optional().describe('Log of one step, at most; 10 MiB when absent.'),
    sourceTarUrl: secret(url())
      .optional()
      .describe('Presigned URL of the workflow’s source as a tar; replaces a clone.'),
    sourceTarHash: shortText()
      .optional()
      .describe('Content hash of that workflow, not of the tar.'),
    depsUrl: secret(url()).optional().describe('Presigned URL of the installed dependencies.'),
    depsHash: shortText().optional().describe('SHA-256 of that file.'),
    requestId: id(wireLimits.messageIdCharsMax)
      .optional()
      .describe('Trace id of the trigger that all this goes back to.'),
    runPublicKey: text().optional().describe('X25519 key, base64: seals secret outputs.'),
    upstreamJobOutputs: z
      .record(z.string(), freeRecord())
      .optional()
      .describe('Outputs of the jobs that this one needs, by job name.'),
    sourceAuth: GitAuth.optional().describe('How to clone the source; preferred over `token`.'),
    workflowAuth: GitAuth.optional().describe(
      'How to clone the workflow’s own repository, where that is another one.',
    ),
    npmRegistries: z
      .array(NpmRegistry)
      .max(wireLimits.registriesMax)
      .optional()
      .describe('Private registries to authenticate with before dependencies are installed.'),
    installEnvSecrets: secret(textRecord())
      .optional()
      .describe('Secrets for the environment of the installation only.'),
    upstreamJobStatuses: observed(textRecord())
      .optional()
      .describe('Outcomes of the jobs that this one needs, by job name.'),
    orgId: observed(id()).optional().describe('The organisation.'),
    repoId: observed(id()).optional().describe('The repository’s id.'),
    cacheRefScope: observed(z.enum(['shared', 'isolated']))
      .optional()
      .describe('Whether caches are shared between refs.'),
    attempt: extension(attempt).optional().describe('Which attempt at the job this is, from 1.'),
    fence: extension(fence).optional().describe('Strictly higher with every attempt.'),
    traceparent: extension(shortText())
      .optional()
      .describe('W3C trace context of the trigger that all this goes back to.'),
  },
  agreement,
);
export type JobDispatch = Immutable<z.infer<typeof JobDispatch>>;

export const JobCancel = message('job.cancel', 'Stop the job. An unknown job is ignored.', {
  messageId,
  runId,
  jobId,
  reason: text().describe('Why, for people.'),
  force: z.boolean().optional().describe('Stop at once, without running hooks.'),
});
export type JobCancel = Immutable<z.infer<typeof JobCancel>>;
