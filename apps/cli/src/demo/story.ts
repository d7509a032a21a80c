/** What each event of a run tells a person who watches it, and how a step's output looks beside it. */
import { stripVTControlCharacters } from 'node:util';
import { z } from 'zod';
import type { LogChunk, RunEvent } from '../http/answer.ts';
import { printable, type Style, type Terminal } from '../terminal.ts';
import { durationText } from '../text/time-text.ts';

const Created = z.looseObject({
  jobs: z.array(
    z.looseObject({
      jobId: z.string(),
      name: z.string(),
      needs: z.array(z.looseObject({ job: z.string() })),
    }),
  ),
});
const Body = z.looseObject({
  jobId: z.string().optional().catch(undefined),
  agentId: z.string().optional().catch(undefined),
  attempt: z.number().optional().catch(undefined),
  stepName: z.string().optional().catch(undefined),
  state: z.string().optional().catch(undefined),
  reason: z.string().optional().catch(undefined),
  durationMs: z.number().optional().catch(undefined),
  because: z.array(z.string()).optional().catch(undefined),
});

type Told = Readonly<{ event: RunEvent; body: z.infer<typeof Body>; who: string }>;
type Teller = (told: Told) => readonly string[];

export type Story = Readonly<{
  event(event: RunEvent): readonly string[];
  log(chunk: LogChunk): readonly string[];
}>;

const NAME_WIDTH = 9;

export function createStory(terminal: Pick<Terminal, 'style'>): Story {
  const names = new Map<string, string>();
  const began = new Map<string, number>();
  const line = (mark: string, style: Style, who: string, what: string): string =>
    `  ${terminal.style(style, mark)} ${terminal.style('bold', printable(who).padEnd(NAME_WIDTH))} ${printable(what)}`;
  const outcome = (state: string, who: string, what: string): string =>
    state === 'success' ? line('✓', 'green', who, what) : line('✗', 'red', who, what);

  const created: Teller = ({ event }) => {
    const { jobs } = Created.catch({ jobs: [] }).parse(event.data);
    for (const job of jobs) names.set(job.jobId, job.name);
    const told = jobs.map(({ name, needs }) =>
      needs.length === 0 ? name : `${name} (needs ${needs.map((need) => need.job).join(', ')})`,
    );
    const count = jobs.length === 1 ? '1 job' : `${jobs.length} jobs`;
    return [line('●', 'cyan', 'created', `run with ${count}: ${told.join(', ')}`)];
  };
  const step: Teller = ({ event, body, who }) => {
    const { stepName = '', state = '' } = body;
    const key = `${body.jobId ?? ''} ${stepName}`;
    const atMs = Date.parse(event.at);
    if (state === 'running') {
      began.set(key, atMs);
      return [line('▸', 'yellow', who, `step "${stepName}"`)];
    }
    if (state === 'pending') return [];
    const sinceMs = began.get(key);
    const took = sinceMs === undefined ? '' : ` in ${durationText(atMs - sinceMs)}`;
    return [outcome(state, who, `step "${stepName}" ${state}${took}`)];
  };
  const completed: Teller = ({ body: { state = 'ended', durationMs } }) => {
    const took = durationMs === undefined ? '' : ` in ${durationText(durationMs)}`;
    return [outcome(state, 'run', `${state}${took}`)];
  };
  const tellers: Readonly<Record<string, Teller>> = {
    'run.created': created,
    'run.completed': completed,
    'step.status': step,
    'job.queued': ({ who }) => [line('·', 'dim', who, 'queued')],
    'job.offered': ({ body: { agentId = 'an agent', attempt = 1 }, who }) => [
      line('→', 'cyan', who, `offered to ${agentId}, attempt ${attempt}`),
    ],
    'job.ack': ({ who }) => [line('←', 'cyan', who, 'acknowledged')],
    'job.reject': ({ body, who }) => [line('✗', 'red', who, `rejected: ${body.reason ?? ''}`)],
    'job.expired': ({ who }) => [line('✗', 'red', who, 'no answer in time')],
    'job.skipped': ({ body, who }) => [
      line('·', 'dim', who, `skipped because of ${(body.because ?? []).join(', ')}`),
    ],
    'job.status': ({ body: { state = '' }, who }) =>
      state === 'running' ? [] : [outcome(state, who, state)],
  };
  return {
    event: (event) => {
      const body = Body.catch({}).parse(event.data);
      const who = names.get(event.jobId ?? body.jobId ?? '') ?? 'run';
      const teller = tellers[event.type];
      return teller === undefined
        ? [line('·', 'yellow', who, event.type)]
        : teller({ event, body, who });
    },
    log: ({ lines }) =>
      lines.map(
        (text) =>
          `  ${terminal.style('dim', `${' '.repeat(NAME_WIDTH + 2)}│ ${printable(stripVTControlCharacters(text))}`)}`,
      ),
  };
}
