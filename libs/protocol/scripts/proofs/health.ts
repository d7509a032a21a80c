/** The rows of what agents tell of themselves: room, logs, measurements, calls, and bundles of their logs. */
import { type Coverage, inAgent, inGateway, inSessions, source, takenBySdk } from './proof.ts';

const harmless = inSessions(
  'heartbeat, ack, nack, error and agent.metrics are taken, stored nowhere, and disturb nothing',
);
const reported = inSessions('config.ack, agent.status and agent.log are kept as they came');
const called = inSessions(
  'agent.api.request is answered by its requestId with an agent.api.response that names the method',
);
const collected = inSessions(
  'fleet.logs.request asks for an agent’s log, and its fleet.bundle.chunk frames come out as one archive',
);

export const healthCoverage: Coverage = {
  'agent.status': {
    handledIn: source.intake,
    provenBy: reported,
    fields: {
      messageId: 'Kept with the report.',
      agentId: 'Has to be the agent of the socket; otherwise the frame is a violation.',
      activeJobs: 'Room for more jobs is what it can take less this; shown with the agent.',
      memoryUsedMb: 'Kept with the report, which is shown with the agent.',
      memoryAvailableMb: 'Kept with the report, which is shown with the agent.',
      uptimeSeconds: 'Kept with the report, which is shown with the agent.',
    },
  },
  'agent.log': {
    handledIn: source.intake,
    provenBy: reported,
    fields: {
      messageId: 'Kept with the lines.',
      agentId: 'Has to be the agent of the socket; otherwise the frame is a violation.',
      lines: 'Kept as they came, in the log of the agent.',
      timestamp: 'Kept with the lines.',
    },
  },
  'agent.metrics': {
    handledIn: source.intake,
    provenBy: harmless,
    fields: {
      messageId:
        'Accepted and not used: what an agent measures is taken and forgotten; whoever wants to see it scrapes the agent.',
      agentId: 'Has to be the agent of the socket; otherwise the frame is a violation.',
      metrics: 'Accepted and not used: to keep them would double what an idle agent costs.',
      'metrics.name': 'Accepted and not used.',
      'metrics.type': 'Accepted and not used.',
      'metrics.value': 'Accepted and not used.',
      'metrics.labels': 'Accepted and not used.',
      'metrics.buckets': 'Accepted and not used.',
      'metrics.count': 'Accepted and not used.',
      'metrics.sum': 'Accepted and not used.',
      timestamp: 'Accepted and not used.',
    },
  },
  'agent.api.request': {
    handledIn: source.reply,
    provenBy: called,
    fields: {
      requestId: 'Stands in the answer.',
      method: 'Named in the answer, which is that Waybill has no such method.',
      params: 'Accepted and not used: there is no method that could read them.',
    },
  },
  'agent.api.response': {
    handledIn: source.reply,
    provenBy: called,
    fields: {
      requestId: 'That of the request.',
      result: {
        does: 'Never sent: Waybill has no method to call. Our SDK passes it over.',
        handledIn: source.agent,
        provenBy: takenBySdk,
      },
      error: 'Says that the method is not supported, at once, so that no agent waits for it.',
    },
  },
  'rate.limit.warning': {
    handledIn: source.flow,
    provenBy: inGateway(
      'crowd',
      'and sends faster than it may is slowed down, told so once, and loses no status',
    ),
    fields: {
      retryAfterMs: 'For how long the socket is not read; nothing that was sent is dropped.',
    },
  },
  'fleet.logs.request': {
    handledIn: source.fleet,
    provenBy: collected,
    fields: {
      requestId: 'Made for each request of a person; the frames of the answer carry it.',
      logWindowHours: {
        does: 'How far back the person asked for.',
        runner: inAgent(
          'diagnostics',
          'finds the newest lines of the agent itself, as many as were asked for',
        ),
      },
      maxBytes: {
        does: 'How many raw bytes the person asked for; an answer that is much larger is given up.',
        runner: inAgent(
          'diagnostics',
          'finds the newest lines of the agent itself, as many as were asked for',
        ),
      },
    },
  },
  'fleet.bundle.chunk': {
    handledIn: source.fleet,
    provenBy: collected,
    fields: {
      requestId:
        'Has to be one that this agent was asked under; otherwise the frame is a violation.',
      seq: {
        does: 'Has to follow the one before, from 0; a frame that is missing ends the collection.',
        provenBy: inGateway(
          'fleet',
          'are none where a frame is missing, where they are too much, or where the agent says so',
        ),
      },
      isLast: 'The archive is whole and stored.',
      dataB64:
        'Its bytes go into the object store as they come, and out again as the person’s download.',
    },
  },
  'fleet.bundle.error': {
    handledIn: source.fleet,
    provenBy: collected,
    fields: {
      requestId: 'Ends the collection of that request.',
      message: 'Told to the person who asked.',
    },
  },
};
