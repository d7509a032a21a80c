/** What an agent says about itself while it is connected, and its calls for other services. */
import { z } from 'zod';
import { observed } from './annotation.ts';
import {
  agentId,
  count,
  freeRecord,
  id,
  lines,
  messageId,
  name,
  quantity,
  requestId,
  text,
  timestamp,
} from './field.ts';
import type { Immutable } from './immutable.ts';
import { wireLimits } from './limits.ts';
import { message, part } from './message.ts';

export const AgentStatus = message(
  'agent.status',
  'How busy the agent is. Existing agents send it after each job and each reject.',
  {
    messageId,
    agentId,
    activeJobs: count().describe('Jobs that it runs now.'),
    memoryUsedMb: quantity().optional().describe('Memory in use on the host, in MiB.'),
    memoryAvailableMb: quantity().optional().describe('Memory free on the host, in MiB.'),
    uptimeSeconds: quantity().optional().describe('How long the host has been up.'),
  },
);
export type AgentStatus = Immutable<z.infer<typeof AgentStatus>>;

export const AgentLog = message(
  'agent.log',
  'Lines of the agent’s own operational log, for agents whose host cannot collect it.',
  { messageId, agentId, lines: lines().describe('The lines, in order.'), timestamp },
);
export type AgentLog = Immutable<z.infer<typeof AgentLog>>;

export const WireMetric = part('WireMetric', 'One measured series.', {
  name: name().describe('Name of the metric.'),
  type: z.enum(['counter', 'gauge', 'histogram', 'upDownCounter']).describe('Kind of the metric.'),
  // JSON writes a number that is not finite as null.
  value: z.number().nullable().optional().describe('The value of a counter or gauge.'),
  labels: z.record(z.string(), z.string()).optional().describe('Labels of the series.'),
  buckets: z.array(freeRecord()).optional().describe('Buckets of a histogram: `le`, `count`.'),
  count: count().optional().describe('Observations of a histogram.'),
  sum: z.number().nullable().optional().describe('Sum of a histogram’s observations.'),
});
export type WireMetric = Immutable<z.infer<typeof WireMetric>>;

export const AgentMetrics = observed(
  message('agent.metrics', 'What the agent measures; every 30 s and after each job.', {
    messageId,
    agentId,
    metrics: z.array(WireMetric).max(wireLimits.metricsMax).describe('The metrics.'),
    timestamp,
  }),
);
export type AgentMetrics = Immutable<z.infer<typeof AgentMetrics>>;

export const AgentApiRequest = observed(
  message('agent.api.request', 'A call by method name. The agent waits 15 s.', {
    requestId: id(wireLimits.messageIdCharsMax).describe('Ties the answer to this request.'),
    method: name().describe('The method, in dotted form.'),
    params: freeRecord().optional().describe('Parameters of the method.'),
  }),
);
export type AgentApiRequest = Immutable<z.infer<typeof AgentApiRequest>>;

export const AgentApiResponse = observed(
  message(
    'agent.api.response',
    'The answer to a call; an unsupported method is answered with an error.',
    {
      requestId: requestId('the call’s `requestId`'),
      result: z.unknown().optional().describe('What the method returned; null for nothing.'),
      error: text().optional().describe('Why it failed, for people.'),
    },
    [
      {
        id: 'api-result-excludes-error',
        statement: '`error` must be absent when `result` is present',
        when: [{ has: ['result'] }],
        then: [{ lacks: ['error'] }],
        issueAt: ['error'],
      },
      {
        id: 'api-needs-result-or-error',
        statement: '`error` must be present when `result` is absent',
        when: [{ lacks: ['result'] }],
        then: [{ has: ['error'] }],
        issueAt: ['error'],
      },
    ],
  ),
);
export type AgentApiResponse = Immutable<z.infer<typeof AgentApiResponse>>;
