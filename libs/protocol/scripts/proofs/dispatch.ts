/** The rows of what an agent is given and told to end: the dispatch with every field, and the cancel. */
import {
  type Coverage,
  type FieldProof,
  inAgent,
  inDispatch,
  inRunner,
  source,
  takenBySdk,
} from './proof.ts';

const dispatched = inDispatch('job.dispatch carries every field that Waybill fills');
const cancelled = inDispatch('job.cancel tells the agent which job, why, and whether to hurry');
const notSent = (does: string, runner?: FieldProof['runner']): FieldProof => ({
  does,
  handledIn: source.agentJobs,
  provenBy: takenBySdk,
  ...(runner && { runner }),
});
const password = inRunner('clone', 'in %s opens it over HTTP');
const pinned = inRunner('clone', 'with hosts that are %s is used for the clone only');
const gitAuth = (
  name: 'sourceAuth' | 'workflowAuth',
  what: string,
): Record<string, FieldProof> => ({
  [name]: {
    does: `Credentials of the run for ${what}, opened only for the frame.`,
    runner:
      name === 'sourceAuth'
        ? password
        : inRunner('clone', 'is cloned beside the source, with credentials of its own'),
  },
  [`${name}.kind`]: { does: 'Says whether a password or a key is used.', runner: pinned },
  [`${name}.user`]: { does: 'Whose password it is.', runner: password },
  [`${name}.secret`]: { does: 'The password or key; sealed in the log.', runner: password },
  [`${name}.sshHostKeyPolicy`]: { does: 'Which hosts a key is shown to.', runner: pinned },
  [`${name}.sshKnownHostsPem`]: { does: 'The hosts that are known.', runner: pinned },
});

export const dispatchCoverage: Coverage = {
  'job.dispatch': {
    handledIn: source.dispatchFrame,
    provenBy: dispatched,
    fields: {
      messageId: 'Made of job, attempt and fence: the same offer has the same id.',
      runId: 'The run.',
      jobId:
        'The job with its attempt, so that no report of an old attempt counts for a newer one.',
      repoUrl: {
        does: 'The repository of the run.',
        runner: inRunner('checkout', 'by its %s is there at its commit, the newest or not'),
      },
      ref: {
        does: 'Its branch or tag.',
        runner: inRunner(
          'checkout',
          'without a commit is there at its branch, and without that at its head',
        ),
      },
      sha: { does: 'Its commit.', runner: inRunner('checkout', 'at a short commit is there too') },
      lockFileUrl:
        'Always empty: the configuration comes in `jobConfig`, and agents that exist fetch nothing from it.',
      jobConfig: {
        does: 'What the rule or the request says of the job.',
        runner: inRunner('runner', 'runs what it is given and reports it, masked, to the end'),
      },
      timestamp: 'When the offer was stored.',
      token: notSent(
        'Never sent: `sourceAuth` says the same and more. Our runner clones with it where another server sends it.',
        inRunner('clone', 'in %s opens it over HTTP'),
      ),
      secrets: {
        does: 'Secrets of the run, opened only for the frame.',
        runner: inRunner('job-run', 'is made from job, secrets and step over a clean base'),
        handledIn: source.offer,
      },
      namespacedSecrets: {
        does: 'Secrets of the run by context, and secret outputs of the jobs before it.',
        runner: inRunner(
          'dispatch-field',
          'are variables, and a file that only its user reads, and masked',
        ),
        handledIn: source.offer,
      },
      maxLogSizeBytes: {
        does: 'As the rule or the request says; what is longer is cut here too.',
        runner: inRunner('runner', 'is whole at its cap, and cut with one line past it'),
      },
      sourceTarUrl: {
        does: 'A signed address of the stored source that `jobConfig.contentHash` names.',
        runner: inRunner('dispatch-field', 'give a job its source without a clone'),
        handledIn: source.stored,
      },
      sourceTarHash: {
        does: 'The hash under which that source was stored.',
        runner: inRunner(
          'dispatch-field',
          'of a source that has changed fail the job before anything runs',
        ),
        handledIn: source.stored,
      },
      depsUrl: {
        does: 'A signed address of the stored dependencies for this kind of host.',
        runner: inRunner('dispatch-field', 'put the dependencies in place of an installation'),
        handledIn: source.stored,
      },
      depsHash: {
        does: 'SHA-256 of those bytes, as they were verified.',
        runner: inRunner(
          'dispatch-field',
          'that do not agree fail the job before anything is unpacked or runs',
        ),
        handledIn: source.stored,
      },
      requestId: {
        does: 'The trace id of whatever started the run.',
        runner: inRunner('dispatch-field', 'are there for every step'),
      },
      runPublicKey: {
        does: 'The run’s own key: what is encrypted to it only Waybill opens.',
        runner: inAgent('work', 'are %s'),
        handledIn: source.offer,
      },
      upstreamJobOutputs: {
        does: 'What the jobs before it have left, secret outputs opened for the frame.',
        runner: inRunner('dispatch-field', 'are there for every step'),
        handledIn: source.offer,
      },
      ...gitAuth('sourceAuth', 'its repository'),
      ...gitAuth('workflowAuth', 'the repository of the workflow'),
      npmRegistries: {
        does: 'Registries of the run, opened only for the frame.',
        runner: inRunner(
          'dispatch-field',
          'are there for the installation, and gone for the steps',
        ),
        handledIn: source.offer,
      },
      'npmRegistries.url': {
        does: 'The registry.',
        runner: inRunner(
          'dispatch-field',
          'are there for the installation, and gone for the steps',
        ),
      },
      'npmRegistries.scope': {
        does: 'The packages that come from it.',
        runner: inRunner(
          'dispatch-field',
          'are there for the installation, and gone for the steps',
        ),
      },
      'npmRegistries.alwaysAuth': {
        does: 'Whether every request has the token.',
        runner: inRunner(
          'dispatch-field',
          'are there for the installation, and gone for the steps',
        ),
      },
      'npmRegistries.token': {
        does: 'The token; sealed in the log.',
        runner: inRunner(
          'dispatch-field',
          'are there for the installation, and gone for the steps',
        ),
      },
      installEnvSecrets: {
        does: 'Variables of the installation alone, opened only for the frame.',
        runner: inRunner(
          'dispatch-field',
          'are there for the installation, and gone for the steps',
        ),
        handledIn: source.offer,
      },
      upstreamJobStatuses: {
        does: 'How the jobs before it ended.',
        runner: inRunner(
          'job-run',
          'names files with the event and with what earlier jobs handed on',
        ),
      },
      orgId: notSent('Never sent: a token is of one organisation. Our SDK passes it over.'),
      repoId: notSent('Never sent: a repository is named by its address. Our SDK passes it over.'),
      cacheRefScope: notSent(
        'Never sent: Waybill decides by the run whose caches it sees. Our SDK passes it over.',
      ),
      attempt: {
        does: 'Which attempt it is; only to agents that announced `fence`.',
        runner: inAgent('jobs', 'repeats attempt and fence in all that is said about it'),
      },
      fence: {
        does: 'The place in the log that the offer is bound to; only to agents that announced `fence`.',
        runner: inAgent('jobs', 'repeats attempt and fence in all that is said about it'),
      },
      traceparent: 'The trace of whatever started the run; only to agents that announced `fence`.',
    },
  },
  'job.cancel': {
    handledIn: source.seat,
    provenBy: cancelled,
    fields: {
      messageId: 'Names this cancel: no two are the same.',
      runId: 'The run.',
      jobId: {
        does: 'The attempt that is to end.',
        runner: inAgent('jobs', 'of an unknown job is ignored'),
      },
      reason:
        'A word for why: `cancelled`, `job_timeout`, `fail_fast` or `stale_attempt`; behind `cancelled` what the person wrote.',
      force: {
        does: 'True once its grace is over: the agent hurries.',
        runner: inAgent('jobs', 'aborts the job, which ends as cancelled'),
      },
    },
  },
};
