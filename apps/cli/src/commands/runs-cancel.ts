/**
 * `waybill runs cancel`: one run by its id, or every open run that meets the conditions. Many are counted first, and stopped
 * only with `--yes`.
 */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { exits, usageError } from '../cli-error.ts';
import { type Connected, connect } from '../connection.ts';
import { answerAs } from '../http/answer.ts';
import type { Client } from '../http/client.ts';
import type { Command, Invocation } from '../invocation.ts';
import { parseOptions } from '../invocation.ts';
import { printable } from '../terminal.ts';

const Options = z.object({
  reason: z.string().min(1).max(500).optional(),
  force: z.boolean().optional(),
  job: z.array(z.string()).optional(),
  state: z.string().optional(),
  workflow: z.string().optional(),
  rule: z.string().optional(),
  source: z.string().optional(),
  ref: z.string().optional(),
  before: z
    .string()
    .refine(
      (text) => !Number.isNaN(Date.parse(text)),
      'must be a time such as 2026-01-31T12:00:00Z',
    )
    .optional(),
  all: z.boolean().optional(),
  yes: z.boolean().optional(),
});
type Options = z.infer<typeof Options>;

const Accepted = z.looseObject({
  runId: z.string(),
  state: z.string(),
  jobs: z.array(z.looseObject({ name: z.string(), state: z.string() })),
});
const Preview = z.looseObject({ matched: z.number(), runIds: z.array(z.string()) });
const Bulk = z.looseObject({
  matched: z.number(),
  requested: z.number(),
  already: z.number(),
  failed: z.number(),
  next: z.string().nullable(),
});

export const runsCancel: Command = async (invocation) => {
  const options = parseOptions(Options, invocation);
  const [runId] = invocation.args;
  const filter = filterOf(options);
  if ((runId === undefined) === (filter === undefined))
    throw usageError('name a run, or conditions such as --workflow; --all is every open run');
  const connected = await connect(invocation);
  if (runId !== undefined) return cancelOne(connected, runId, options);
  return cancelMany(connected, invocation, options, filter ?? {});
};

type Filter = Readonly<Record<string, string>>;

/** Conditions as the api names them; undefined where none is given. `--all` is a time that every run lies before. */
function filterOf({
  state,
  workflow,
  rule,
  source,
  ref,
  before,
  all,
}: Options): Filter | undefined {
  const createdBefore =
    before === undefined
      ? all === true
        ? '9999-12-31T23:59:59Z'
        : undefined
      : new Date(before).toISOString();
  const given = Object.entries({ state, workflow, rule, source, ref, createdBefore }).flatMap(
    ([name, value]) => (value === undefined ? [] : [[name, value] as const]),
  );
  return given.length === 0 ? undefined : Object.fromEntries(given);
}

const post = (client: Client, path: string, body: unknown): Promise<unknown> =>
  client.post(client.inOrg(path), {
    body: { type: 'application/json', content: JSON.stringify(body) },
    headers: { 'idempotency-key': randomUUID() },
  });

async function cancelOne(
  { client, print }: Connected,
  runId: string,
  { reason, force, job }: Options,
): Promise<number> {
  const path = `/runs/${encodeURIComponent(runId)}`;
  const jobIds = job && (await idsOf(client, path, job));
  const answer = await post(client, `${path}/cancel`, { reason, force, jobIds });
  print(answer, () => {
    const { state, jobs } = answerAs(Accepted, answer);
    const lines = jobs.map((each) => `  job ${printable(each.name)}: ${each.state}\n`);
    return `run ${runId}: ${state}\n${lines.join('')}`;
  });
  return 0;
}

const Jobs = z.looseObject({
  jobs: z.array(
    z.looseObject({ jobId: z.string(), name: z.string(), group: z.string().nullable().optional() }),
  ),
});

/** Of jobs by their ids, by their names, or by the name of the matrix that made them. */
async function idsOf(
  client: Client,
  path: string,
  asked: readonly string[],
): Promise<readonly string[]> {
  const { jobs } = answerAs(Jobs, await client.get(client.inOrg(path)));
  const found = asked.map((name) => {
    const ids = jobs.filter((each) => [each.jobId, each.name, each.group].includes(name));
    if (ids.length > 0) return ids.map(({ jobId }) => jobId);
    const known = jobs.map((each) => printable(each.name)).join(', ');
    throw usageError(`the run has no job ${printable(name)}; it has: ${known}`);
  });
  return [...new Set(found.flat())];
}

async function cancelMany(
  { client, print }: Connected,
  { terminal }: Invocation,
  { reason, force, yes }: Options,
  filter: Filter,
): Promise<number> {
  const preview = await post(client, '/runs/cancel', { filter, preview: true });
  const { matched, runIds } = answerAs(Preview, preview);
  if (yes !== true) {
    print(preview, () => {
      const more = matched > runIds.length ? [`  and ${matched - runIds.length} more`] : [];
      const lines = [...runIds.map((id) => `  ${id}`), ...more].map((line) => `${line}\n`);
      return `${count(matched)} would be cancelled; --yes does it\n${lines.join('')}`;
    });
    return 0;
  }
  const total = { matched, requested: 0, already: 0, failed: 0 };
  let cursor: string | undefined;
  do {
    const answer = answerAs(
      Bulk,
      await post(client, '/runs/cancel', { filter, reason, force, cursor }),
    );
    total.requested += answer.requested;
    total.already += answer.already;
    total.failed += answer.failed;
    cursor = answer.next ?? undefined;
    if (terminal.live) terminal.err(`${total.requested} of ${count(matched)} told to stop\n`);
  } while (cursor !== undefined);
  print(total, () => {
    const { requested, already, failed } = total;
    const rest = [
      already === 0 ? '' : `, ${already} had ended or been told before`,
      failed === 0 ? '' : `, ${failed} could not be told: try again`,
    ];
    return `${count(requested)} told to stop${rest.join('')}\n`;
  });
  return total.failed === 0 ? exits.ok : exits.tryLater;
}

const count = (runs: number): string => (runs === 1 ? '1 run' : `${runs} runs`);
