/** An agent in full: what it is, where it runs, and what it last said of itself, a line each. */

import type { Agent } from '../http/answer.ts';
import { printable } from '../terminal.ts';
import { sizeText } from './size-text.ts';
import { durationText, whenText } from './time-text.ts';

type Shown = Readonly<{ nowMs: number; live: boolean }>;

export function agentText(agent: Agent, { nowMs, live }: Shown): string {
  const { host, lastStatus: status, draining } = agent;
  const when = (at: string | null): string => whenText(at, nowMs, live);
  const lines: readonly (readonly [string, string | undefined])[] = [
    ['agent', agent.agentId],
    [
      'state',
      draining === null ? agent.state : `${agent.state}, draining since ${when(draining.since)}`,
    ],
    ['labels', Array.isArray(agent.labels) ? agent.labels.join(', ') : undefined],
    ['jobs', `${agent.activeJobs} of ${agent.maxConcurrency}`],
    ['host', words(host.hostname, host.platform, host.arch)],
    ['system', words(host.osVersion, host.osRelease)],
    ['processors', host.cpuCount === undefined ? undefined : String(host.cpuCount)],
    ['memory', memoryText(host.totalMemoryMb, status?.memoryUsedMb)],
    ['version', words(host.version, host.nodeVersion && `Node ${host.nodeVersion}`)],
    ['user', host.runningAsUser],
    [
      'up for',
      status?.uptimeSeconds === undefined ? undefined : durationText(status.uptimeSeconds * 1_000),
    ],
    ['connected', when(agent.connectedAt)],
    ['disconnected', agent.disconnectedAt === null ? undefined : when(agent.disconnectedAt)],
    [
      'status',
      status === null ? undefined : `${status.activeJobs} at work, ${when(agent.lastStatusAt)}`,
    ],
    ['violations', String(agent.violations.count)],
  ];
  const shown = lines.flatMap(([name, value]) =>
    value === undefined ? [] : [`${name.padEnd(14)}${printable(value.replaceAll(/\s+/g, ' '))}\n`],
  );
  return shown.join('');
}

const words = (...parts: readonly (string | undefined)[]): string | undefined => {
  const said = parts.filter((part) => part !== undefined && part !== '');
  return said.length === 0 ? undefined : said.join(' ');
};

function memoryText(totalMb: number | undefined, usedMb: number | undefined): string | undefined {
  const size = (mb: number): string => sizeText(mb * 1_024 ** 2);
  if (totalMb === undefined) return usedMb === undefined ? undefined : `${size(usedMb)} used`;
  return usedMb === undefined ? size(totalMb) : `${size(usedMb)} of ${size(totalMb)} used`;
}
