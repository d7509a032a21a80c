/** `waybill agents ls`: who is connected, or was. */
import { systemClock } from '@waybill/process';
import type { z } from 'zod';
import { connect } from '../connection.ts';
import { Agent } from '../http/answer.ts';
import { listAll } from '../http/list-all.ts';
import type { Command } from '../invocation.ts';
import { table } from '../text/table.ts';
import { whenText } from '../text/time-text.ts';

export const agentsLs: Command = async (invocation) => {
  const { terminal } = invocation;
  const { client, print } = await connect(invocation);
  const { answer, items } = await listAll(client, '/agents', Agent);
  print(answer, () => {
    if (items.length === 0) terminal.err('no agents; start one with `waybill runner`\n');
    const nowMs = systemClock.now();
    const when = (at: string | null): string => whenText(at, nowMs, terminal.live);
    const rows = items.map((agent) => [
      agent.agentId,
      stateText(agent),
      Array.isArray(agent.labels) ? agent.labels.join(', ') : '-',
      `${agent.activeJobs} of ${agent.maxConcurrency}`,
      String(agent.violations.count),
      when(agent.connectedAt),
      when(agent.disconnectedAt),
    ]);
    const headings = [
      'AGENT',
      'STATE',
      'LABELS',
      'JOBS',
      'VIOLATIONS',
      'CONNECTED',
      'DISCONNECTED',
    ];
    return items.length === 0
      ? ''
      : table(headings, rows, { width: terminal.live ? terminal.width : undefined });
  });
  return 0;
};

const stateText = ({ state, draining, scalerManaged }: z.infer<typeof Agent>): string =>
  [
    state,
    ...(draining === null ? [] : ['draining']),
    ...(scalerManaged ? ['by a scaler'] : []),
  ].join(', ');
