/** An event as one line: sequence, time, type, and the few fields that say what happened. */
import { z } from 'zod';
import type { RunEvent } from '../http/answer.ts';
import { printable, type Terminal } from '../terminal.ts';
import { clockText } from './time-text.ts';

const Body = z.looseObject({}).catch({});
const shown = [
  'jobId',
  'attempt',
  'agentId',
  'stepName',
  'state',
  'reason',
  'workflow',
  'code',
  'detail',
  'durationMs',
  'because',
] as const;

export function eventLine(event: RunEvent, o: Pick<Terminal, 'style'>): string {
  const body: Readonly<Record<string, unknown>> = {
    jobId: event.jobId,
    attempt: event.attempt,
    agentId: event.agentId,
    ...Body.parse(event.data),
  };
  const words = shown.flatMap((key) => {
    const value = body[key];
    if (value === undefined || value === null || value === '') return [];
    return [`${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`];
  });
  const seq = String(event.seq).padStart(7);
  return `${o.style('dim', `${seq} ${clockText(event.at)}`)} ${event.type.padEnd(14)} ${o.style('dim', printable(words.join(' ')))}`.trimEnd();
}
