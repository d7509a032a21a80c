/**
 * The main job, shown: a real commit, a real signed push over HTTP, a real agent, and the record of it read from Postgres.
 * Everything goes through the doors that anybody would use; nothing reaches into a service.
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Clock } from '@waybill/process';
import { type ReadModel, runRecord } from '@waybill/readmodel';
import { z } from 'zod';
import { applyRules } from '../apply-rules.ts';
import { CliError, exits } from '../cli-error.ts';
import { answerAs, LogChunk, Run, RunEvent, Triggered } from '../http/answer.ts';
import { type Client, createClient } from '../http/client.ts';
import { following } from '../http/following.ts';
import { mistakeText, ProblemError } from '../http/problem.ts';
import type { AllInOne } from '../local/all-in-one.ts';
import type { Terminal } from '../terminal.ts';
import { durationText } from '../text/time-text.ts';
import { type Chronicle, openChronicle } from './chronicle.ts';
import { pushDelivery } from './push-event.ts';
import { recordText } from './record-text.ts';
import { nextPush, type Push } from './repository.ts';
import { createStory } from './story.ts';

export type Demonstrating = Readonly<{
  all: AllInOne;
  model: ReadModel;
  terminal: Terminal;
  clock: Clock;
  signal: AbortSignal;
}>;

export type Demonstrated = Readonly<{ runId: string; state: string }>;

const rulesFolder = fileURLToPath(new URL('../../../../examples/rules/', import.meta.url));
const pollMs = 50;

export async function demonstrate(o: Demonstrating): Promise<Demonstrated> {
  const { all, terminal } = o;
  const { credentials } = all.identity;
  const client = createClient(credentials);
  const tell = (mark: string, what: string): void =>
    terminal.out(
      `  ${terminal.style('cyan', '●')} ${terminal.style('bold', mark.padEnd(9))} ${what}\n`,
    );

  const rule = join(rulesFolder, 'ci.yaml');
  const { applied, mistakes } = await applyRules(client, [rule], terminal);
  if (mistakes.length > 0)
    throw new CliError(exits.failure, `the example rule was refused:\n${mistakes.join('\n')}`);
  for (const { name, generation, unchanged } of applied)
    tell(
      'rule',
      `${name} of examples/rules/ci.yaml, generation ${generation}${unchanged ? '' : ', just applied'}`,
    );

  const push = await nextPush(join(all.home, 'demo', 'repo'), terminal.env);
  tell('commit', `${push.commit.id.slice(0, 12)} "${push.commit.message}" on ${push.branch}`);

  const trigger = await deliver(o, client, push);
  tell(
    'trigger',
    `${trigger.triggerId} is stored: push, signed, answered ${trigger.status} in ${durationText(trigger.tookMs)}`,
  );
  const runId = await decisionOf(o, client, trigger.triggerId);
  tell('decided', `rule ci matches: run ${runId}`);

  await watch(o, client, runId);
  const run = await sealed(o, client, runId);
  const record = await runRecord(o.model.db, credentials.org, runId);
  if (record === undefined)
    throw new CliError(
      exits.failure,
      `the record of run ${runId} is sealed, but it is not in waybill.run_records`,
    );
  terminal.out(
    `\n${terminal.style('bold', 'The sealed record')}\n\n${recordText(run, record, terminal)}`,
  );
  return { runId, state: run.state };
}

type Delivered = Readonly<{ triggerId: string; status: number; tookMs: number }>;

async function deliver(
  { all, clock, signal }: Demonstrating,
  client: Client,
  push: Push,
): Promise<Delivered> {
  const { org, webhookSecret } = all.identity.credentials;
  const secret = webhookSecret.split(',')[0]?.trim() ?? webhookSecret;
  const { body, headers } = pushDelivery(push, {
    secret,
    deliveryId: randomUUID(),
    nowMs: clock.now(),
  });
  const startedMs = clock.monotonicMs();
  const response = await fetch(`${client.url}/hooks/${org}/github`, {
    method: 'POST',
    body,
    headers,
    signal,
  });
  const tookMs = clock.monotonicMs() - startedMs;
  const answer: unknown = await response.json();
  if (!response.ok)
    throw new CliError(
      exits.failure,
      `the push was refused with ${response.status}: ${JSON.stringify(answer)}`,
    );
  return { triggerId: answerAs(Triggered, answer).triggerId, status: response.status, tookMs };
}

const Decided = z.looseObject({
  decision: z.string().nullable(),
  runs: z.array(z.looseObject({ runId: z.string() })),
});

async function decisionOf(
  { clock, signal }: Demonstrating,
  client: Client,
  triggerId: string,
): Promise<string> {
  for (;;) {
    const { decision, runs } = answerAs(
      Decided,
      await client.get(client.inOrg(`/triggers/${triggerId}`)),
    );
    const runId = runs[0]?.runId;
    if (runId !== undefined) return runId;
    if (decision !== null)
      throw new CliError(
        exits.failure,
        `the push was decided "${decision}": no rule made a run of it`,
      );
    await clock.sleep(pollMs, signal);
  }
}

/** Until the run has ended: its events and its log, from the first of both. */
async function watch(
  { terminal, clock, signal }: Demonstrating,
  client: Client,
  runId: string,
): Promise<void> {
  const ended = new AbortController();
  const story = createStory(terminal);
  const chronicle = openChronicle(clock, (line) => terminal.out(`${line}\n`));
  const both = AbortSignal.any([signal, ended.signal]);
  const logs = watchLogs({ client, runId, chronicle, story, clock, signal: both });
  try {
    const options = { query: { runId }, after: '0', clock, signal };
    for await (const { data } of following(client, client.inOrg('/tail'), options)) {
      const event = answerAs(RunEvent, JSON.parse(data));
      chronicle.add(event.at, story.event(event));
      if (event.type === 'run.completed') break;
    }
    // The log's own stream ends by itself, a moment after the run.
    const late = clock.after(logEndMs, () => ended.abort(new Error('the log has no end')), {
      background: true,
    });
    await logs;
    late.cancel();
  } finally {
    ended.abort(new Error('the run is over'));
    chronicle.close();
    await logs;
  }
}

const logEndMs = 3_000;

type Watching = Readonly<{
  client: Client;
  runId: string;
  chronicle: Chronicle;
  story: ReturnType<typeof createStory>;
  clock: Clock;
  signal: AbortSignal;
}>;

/** A log that cannot be followed takes nothing from the run: the events are the story. */
async function watchLogs({
  client,
  runId,
  chronicle,
  story,
  clock,
  signal,
}: Watching): Promise<void> {
  try {
    for await (const { event, data } of following(client, client.inOrg(`/runs/${runId}/logs`), {
      after: '0',
      clock,
      signal,
    })) {
      if (event === 'end') return;
      const chunk = answerAs(LogChunk, JSON.parse(data));
      chronicle.add(chunk.at, story.log(chunk));
    }
  } catch (error) {
    if (!signal.aborted)
      chronicle.add(new Date(clock.now()).toISOString(), [
        `  the log cannot be followed: ${errorText(error)}`,
      ]);
  }
}

const errorText = (error: unknown): string => {
  if (error instanceof ProblemError && error.mistakes.length > 0)
    return error.mistakes.map(mistakeText).join(', ');
  return error instanceof Error ? error.message : String(error);
};

async function sealed(
  { clock, signal }: Demonstrating,
  client: Client,
  runId: string,
): Promise<Run> {
  for (;;) {
    const run = answerAs(Run, await client.get(client.inOrg(`/runs/${runId}`)));
    if (run.record !== null) return run;
    await clock.sleep(pollMs, signal);
  }
}
