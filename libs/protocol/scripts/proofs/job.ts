/** The rows of frames about a job’s way: its dispatch, what its agent answers and reports, how it is cancelled and acknowledged. */
import {
  type Coverage,
  echo,
  type FieldProof,
  inAgent,
  inJobs,
  inRunner,
  report,
  same,
  source,
  takenBySdk,
} from './proof.ts';

const dispatched = inJobs('job.dispatch carries every field that Waybill fills');
const answered = inJobs(
  'job.ack is kept as it came and answered with job.granted, job.reject gives the job back',
);
const stepped = inJobs(
  'step.status and log.chunk are kept as they came and shown with the step, its bytes summed',
);
const beaten = inJobs(
  'job.heartbeat is kept and answered with the lease, job.status ends the job and is acknowledged',
);
const cancelled = inJobs('job.cancel tells the agent which job, why, and whether to hurry');
const observed = inJobs(
  'job.concurrency.report, run.event and job.context stand in the run, the last without the token',
);
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

export const jobCoverage: Coverage = {
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
      reason: 'A word for why: `cancelled`, `timed_out`, `stale_attempt` and the like.',
      force: {
        does: 'True once its grace is over: the agent hurries.',
        runner: inAgent('jobs', 'aborts the job, which ends as cancelled'),
      },
    },
  },
  'job.ack': {
    handledIn: source.jobs,
    provenBy: answered,
    fields: { ...report, timestamp: same.timestamp, ...echo },
  },
  'job.granted': {
    handledIn: source.grant,
    provenBy: answered,
    fields: {
      runId: 'The run.',
      jobId: {
        does: 'The attempt whose ack was in time.',
        runner: inAgent('jobs', 'starts with its grant and not before'),
      },
      attempt: 'That of the dispatch.',
      fence: 'That of the dispatch.',
      leaseMs: 'For how long the job may go on unheard.',
    },
  },
  'job.reject': {
    handledIn: source.jobs,
    provenBy: answered,
    fields: {
      ...report,
      reason: {
        does: 'The job is queued again; `busy` of an agent that has room counts against its offers.',
        handledIn: source.fold,
      },
      timestamp: same.timestamp,
      ...echo,
    },
  },
  'job.status': {
    handledIn: source.jobs,
    provenBy: beaten,
    fields: {
      ...report,
      state: {
        does: 'A terminal one ends the attempt, and the job with it unless it is tried again.',
        handledIn: source.fold,
      },
      timestamp: same.timestamp,
      data: { does: 'Outputs for later jobs, and why it failed.', handledIn: source.fold },
      droppedJobs: {
        does: 'Jobs of that name are skipped as dropped by drift.',
        handledIn: 'libs/protocol/src/job-fact.ts',
      },
      secretOutputs: {
        does: 'Kept as ciphertext, named but never shown, opened for the dispatch of later jobs.',
        handledIn: source.offer,
      },
      'secretOutputs.agentPublicKey': {
        does: 'What the value was encrypted with.',
        handledIn: source.offer,
        provenBy: dispatched,
      },
      'secretOutputs.encrypted': {
        does: 'The value, which is opened for the dispatch of later jobs alone.',
        handledIn: source.offer,
        provenBy: dispatched,
      },
      ...echo,
    },
  },
  'job.status.ack': {
    handledIn: source.lastWord,
    provenBy: beaten,
    fields: {
      messageId: {
        does: 'That of the last word, which need not be kept any longer.',
        runner: inAgent(
          'away',
          'is sent again with the same id until it is, and its job is in flight until then',
        ),
      },
      runId: 'The run.',
      jobId: 'The attempt, as the last word named it.',
    },
  },
  'job.heartbeat': {
    handledIn: source.jobs,
    provenBy: beaten,
    fields: {
      runId: same.runId,
      jobId: 'Names the attempt, which is not stale for its organisation’s time from here on.',
      timestamp: 'Kept with the heartbeat; that it came is what counts.',
      ...echo,
    },
  },
  'job.heartbeat.ack': {
    handledIn: source.jobs,
    provenBy: beaten,
    fields: {
      runId: 'The run.',
      jobId: 'The attempt.',
      attempt: 'That of the dispatch.',
      fence: 'That of the dispatch.',
      leaseMs: {
        does: 'The agent stops the job when this is over without another.',
        runner: inAgent('jobs', 'that are no longer answered end the job before its lease is over'),
      },
    },
  },
  'step.status': {
    handledIn: source.jobs,
    provenBy: stepped,
    fields: {
      ...report,
      stepIndex: {
        does: 'The place of the step in its job; with `step_type` its identity.',
        handledIn: source.step,
      },
      stepName: { does: 'Shown with the step.', handledIn: source.step },
      state: {
        does: 'Shown with the step; one that has ended does not change.',
        handledIn: source.step,
      },
      timestamp: same.timestamp,
      data: {
        does: 'Its `exitCode` is shown with the step and read by retries; the rest is kept.',
        handledIn: source.step,
      },
      step_type: {
        does: 'Says which hook it is; also found inside `data`.',
        handledIn: source.step,
      },
      secretsAccessed: { does: 'Names of secrets, shown with the step.', handledIn: source.step },
      logBytesStreamed: {
        does: 'Summed for job, run and organisation, and a gauge of the API.',
        handledIn: source.step,
      },
      concurrencyKind: same.kept,
      groupId: same.kept,
      ...echo,
    },
  },
  'log.chunk': {
    handledIn: source.logs,
    provenBy: stepped,
    fields: {
      ...report,
      stepIndex: 'The step that said it, -1 for none; each has a limit of its own.',
      lines: 'The log, as it came; what is over the limit is cut with one line.',
      timestamp: 'Kept with the lines.',
      ...echo,
    },
  },
  'job.concurrency.report': {
    handledIn: source.jobs,
    provenBy: observed,
    fields: {
      messageId: same.answered,
      runId: same.runId,
      jobId: same.jobId,
      group: 'Kept in the run with what it was told; groups are decided before a job is offered.',
    },
  },
  'job.concurrency.ack': {
    handledIn: source.reply,
    provenBy: observed,
    fields: {
      requestId: 'The `messageId` of the report.',
      action: {
        does: '`proceed`, or `cancel` where somebody has asked for its end; never `wait`, at which agents that exist hang.',
        runner: inRunner('step-gate', 'that has no room ends the job before anything runs'),
      },
      reason: notSent(
        'Never sent: a job that is to end is told why by `job.cancel`. Our SDK takes it.',
      ),
      runId: 'The run.',
      jobId: 'The attempt, as the report named it.',
    },
  },
  'run.event': {
    handledIn: source.kept,
    provenBy: observed,
    fields: {
      runId: same.runId,
      jobId: 'Names the attempt; where it is absent, the one that this agent has of the run.',
      eventType: same.kept,
      timestampMs: same.kept,
      sourceService: same.kept,
      metadata:
        'Kept with the fact, without what this process knows as a secret and without values of environments.',
      durationMs: same.kept,
    },
  },
  'job.context': {
    handledIn: source.kept,
    provenBy: observed,
    fields: {
      runId: same.runId,
      jobId: same.jobId,
      context:
        'Kept with the fact, without the values of variables: agents that exist list their own token there.',
    },
  },
};
