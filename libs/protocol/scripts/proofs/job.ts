/** The rows of what an agent answers and how a job ends: ack, reject, status, heartbeat, and their acknowledgements. */
import { type Coverage, echo, inAgent, inDispatch, inJobs, report, same, source } from './proof.ts';

const dispatched = inDispatch('job.dispatch carries every field that Waybill fills');
const answered = inJobs(
  'job.ack is kept as it came and answered with job.granted, job.reject gives the job back',
);
const beaten = inJobs(
  'job.heartbeat is kept and answered with the lease, job.status ends the job and is acknowledged',
);

export const jobCoverage: Coverage = {
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
        does: 'The job is queued again; `busy` of an agent that had shown room counts against its offers.',
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
        handledIn: 'libs/protocol/src/dropped-jobs.ts',
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
      jobId: 'Names the attempt, which is not stale for as long as its job may be silent.',
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
};
