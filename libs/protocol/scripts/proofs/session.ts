/** The rows of frames about sessions: signing in, registering, liveness and complaints. */
import {
  type Coverage,
  inAsking,
  inGateway,
  inRunner,
  inSessions,
  source,
  takenBySdk,
} from './proof.ts';

const signIn = inSessions(
  'auth.request lets in whoever has the token and the version: auth.success or auth.failure',
);
const harmless = inSessions(
  'heartbeat, ack, nack, error and agent.metrics are taken, stored nowhere, and disturb nothing',
);
const registered = inSessions(
  'agent.register is kept with every field, shown as a row, and decides who gets which job',
);
const confirmed = inSessions(
  'register.ack confirms the name, the labels, the session and the extensions',
);
const reported = inSessions('config.ack, agent.status and agent.log are kept as they came');
const host = (what: string) => ({
  does: `Shown with the agent: ${what}.`,
  handledIn: source.agentRow,
});

export const sessionCoverage: Coverage = {
  heartbeat: {
    handledIn: source.session,
    provenBy: harmless,
    alsoProvenBy: takenBySdk,
    fields: {
      timestamp:
        'Accepted and not used: that a frame came, and when it came here, is what counts as life.',
    },
  },
  ack: {
    handledIn: source.intake,
    provenBy: harmless,
    alsoProvenBy: takenBySdk,
    fields: {
      messageId:
        'Accepted and not used: every message that needs an answer has one of its own type; Waybill sends none.',
    },
  },
  nack: {
    handledIn: source.intake,
    provenBy: harmless,
    alsoProvenBy: takenBySdk,
    fields: {
      messageId: 'Accepted and not used, as that of `ack`; Waybill sends none.',
      reason: 'Accepted and not used, as `messageId` is.',
    },
  },
  error: {
    handledIn: source.protocol,
    provenBy: harmless,
    alsoProvenBy: takenBySdk,
    fields: {
      code: '`INVALID_MESSAGE` before close code 4003, `UNKNOWN_TYPE` where the socket stays; one from an agent is accepted and not used.',
      message:
        'Names places and expectations, never what was sent; one from an agent is accepted and not used.',
    },
  },
  'auth.request': {
    handledIn: source.protocol,
    provenBy: signIn,
    fields: {
      token: 'Says whose agent it is; one that is not known gets `auth.failure` and 4010.',
      protocolVersion: 'Has to be 1 or more; a lower one gets `auth.failure` and 4005.',
    },
  },
  'auth.success': {
    handledIn: source.protocol,
    provenBy: signIn,
    fields: { connectionId: 'Names the socket, as the gateway’s own log does.' },
  },
  'auth.failure': {
    handledIn: source.protocol,
    provenBy: signIn,
    fields: {
      reason: 'Says that the token or the version is not good, before the socket is closed.',
    },
  },
  'agent.register': {
    handledIn: source.registration,
    provenBy: registered,
    fields: {
      messageId: 'Kept with the registration.',
      agentId: 'Names the agent; its newest session replaces an older one.',
      labels: 'A job is offered only to agents that have all labels it asks for.',
      maxConcurrency: 'So many jobs are offered at once; 1 when absent.',
      platform: host('its operating system; dependencies that are cached for it are found by it'),
      arch: host('its processor; dependencies that are cached for it are found by it'),
      version: host('its own version'),
      inFlightJobs: {
        does: 'Jobs that it is back with go on; what it does not name is lost, what is not its own it is told to stop.',
        handledIn: source.reconciliation,
      },
      'inFlightJobs.jobId': {
        does: 'Names the attempt that goes on.',
        handledIn: source.reconciliation,
      },
      'inFlightJobs.runId': {
        does: 'Has to be the run of that attempt; otherwise it is told to stop it.',
        handledIn: source.reconciliation,
        provenBy: inGateway(
          'reconnect',
          'is told to stop and noted for what it was never given, and for its own job under the name of another run',
        ),
      },
      hostname: host('the name of its host'),
      osRelease: host('the release of its kernel'),
      osVersion: host('the version of its operating system'),
      totalMemoryMb: host('the memory of its host'),
      cpuCount: host('its processors'),
      nodeVersion: host('its version of Node.js'),
      runningAsUser: host('the user that runs it'),
      runningAsUid: host('the id of that user'),
      properties:
        'Kept with the registration; no rule reads it, because labels decide who gets which job.',
      extensions: 'What of the extensions is spoken on this session: all that both sides know.',
      'extensions.fence': 'Its dispatches carry `attempt` and `fence`.',
      'extensions.granted': 'Its ack is answered with `job.granted`.',
      'extensions.heartbeatAck': 'Its heartbeats are answered with the lease.',
      'extensions.terminalAck':
        'Its last words are acknowledged, and are the same fact when they are sent again.',
      'extensions.agentWork':
        'Confirmed to it; frames about work are taken from every agent, announced or not.',
      'extensions.approvals': {
        does: 'Its approvals stay open over a reconnect, and how they ended is told again.',
        provenBy: inAsking(
          'agent.register with extensions.approvals keeps an approval open over a reconnect',
        ),
      },
    },
  },
  'register.ack': {
    handledIn: source.registration,
    provenBy: confirmed,
    fields: {
      agentId: 'The name under which it is registered.',
      labels: 'The labels by which it gets jobs: those that it said.',
      scalerManaged: {
        does: 'True for an agent that signed in with the token of the scaler.',
        provenBy: inGateway('scaler', 'is one by its token, and is told so'),
        runner: inRunner('runner', 'ends with 0 when it has had nothing to do for long enough'),
      },
      pendingDispatch: {
        does: 'A job that the scaler bound to this agent is on its way; not sent otherwise.',
        provenBy: inGateway(
          'scaler',
          'is told to wait when a scaler has bound a queued job to it, once',
        ),
        runner: inRunner(
          'runner',
          'waits for the job it was promised, runs it, and ends with 0 then',
        ),
      },
      sessionId:
        'The sequence of the registration in the log; only to agents that announced extensions.',
      extensions: 'What is spoken from here on; only to agents that announced extensions.',
      'extensions.fence': 'Confirms that `attempt` and `fence` come with dispatches.',
      'extensions.granted': 'Confirms that `job.granted` follows an ack.',
      'extensions.heartbeatAck': 'Confirms that heartbeats are answered.',
      'extensions.terminalAck': 'Confirms that last words are acknowledged.',
      'extensions.agentWork': 'Confirms that frames about work are known.',
      'extensions.approvals': 'Confirms that approvals outlast a reconnect.',
    },
  },
  'config.ack': {
    handledIn: source.intake,
    provenBy: reported,
    fields: {
      messageId: 'Kept with the word that it has applied its registration.',
      agentId: 'Has to be the agent of the socket; otherwise the frame is a violation.',
    },
  },
};
