/** `…/runs`: a run that is asked for directly, and lists of runs. Secrets are sealed before anything is appended. */
import { digest, registerSecretValues, seal } from '@waybill/process';
import {
  credentialNames,
  jobSpecs,
  RunRequest,
  RunState,
  runId,
  triggerId,
} from '@waybill/protocol';
import { listRuns } from '@waybill/readmodel';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { withoutPassword } from '../domain/clone-address.ts';
import { jobMistakes, mistakeOf, placedOf } from '../domain/mistake.ts';
import type { Problem } from '../domain/problems.ts';
import { type Answer, answering, isProblem, tooLarge } from './answer.ts';
import type { ApiContext } from './api-context.ts';
import { asker } from './authority.ts';
import { deliveryIdOf } from './idempotency-key.ts';
import { takeIn } from './intake.ts';
import { pageAnswer, queryReadModel } from './read-model-query.ts';
import {
  bytesOf,
  cursorParameter,
  jsonBodyOf,
  limitParameter,
  originOf,
  queryOf,
} from './request-read.ts';

const SOURCE = 'api';
const EVENT = 'run';

export function runRoutes(app: FastifyInstance, api: ApiContext): void {
  const List = z.object({
    state: RunState.optional(),
    limit: limitParameter(api.bounds),
    cursor: cursorParameter,
  });
  app.post(
    '/runs',
    { bodyLimit: api.bounds.runBytes },
    answering((request) => addRun(request, api)),
  );
  app.get(
    '/runs',
    answering(async (request) => {
      const query = queryOf(request, List);
      if (isProblem(query)) return query;
      return pageAnswer(
        await queryReadModel(api, (db) => listRuns(db, { ...query, org: api.org })),
      );
    }),
  );
}

async function addRun(request: FastifyRequest, api: ApiContext): Promise<Answer | Problem> {
  const { org, ring, bounds } = api;
  const json = jsonBodyOf(request, bounds);
  if (isProblem(json)) return json;
  for (const name of secretMembers) registerSecretValues(memberOf(json.value, name));
  const asked = requestOf(json.value, api);
  if (isProblem(asked)) return asked;
  const wanted = withoutPassword(asked);
  registerSecretValues(wanted.sourceAuth?.secret);
  const deliveryId = deliveryIdOf(request, bounds);
  if (typeof deliveryId !== 'string') return deliveryId;
  const trigger = triggerId(org, SOURCE, deliveryId);
  const run = runId(trigger, 0);
  const body = await withoutSecrets(wanted, (value, field) =>
    seal(ring, value, { org, run, field }),
  );
  const answer = await takeIn(api, {
    org,
    source: SOURCE,
    triggerId: trigger,
    kind: 'manual',
    event: EVENT,
    deliveryId,
    digest: digest(ring, bytesOf(request)),
    askedBy: asker,
    ...originOf(request),
    body: JSON.stringify(body),
    mismatch: 'key-reused',
  });
  if (isProblem(answer)) return answer;
  const made = {
    runId: run,
    triggerId: trigger,
    requestId: answer.requestId,
    duplicate: answer.duplicate,
  };
  return { status: 201, body: made, headers: { location: `/v1/orgs/${org}/runs/${run}` } };
}

/** With every mistake; also those that a schema does not get to once it has met another. */
function requestOf(value: unknown, api: ApiContext): RunRequest | Problem {
  const { bounds, journal } = api;
  const read = RunRequest.safeParse(value);
  const known = read.success ? [] : placedOf(read.error.issues);
  const more = read.success ? [] : jobMistakes(memberOf(value, 'jobs'), ['jobs'], known);
  if (!read.success)
    return {
      code: 'request-invalid',
      errors: [...known, ...more].slice(0, bounds.mistakes).map(mistakeOf),
    };
  const bytesMax = journal.maxPayload - bounds.payloadReserveBytes;
  return createdBytes(read.data) > bytesMax
    ? tooLarge(bytesMax, 'The run with its input in every job')
    : read.data;
}

/** `run.created` repeats the input in every job; one that the log could not take must not be accepted. */
function createdBytes(request: RunRequest): number {
  const { input, jobs } = request;
  const bytes = (value: unknown): number => Buffer.byteLength(JSON.stringify(value) ?? '');
  const specs = bytes(
    jobSpecs(jobs, { runId: '', workflow: '', checkout: true, input: undefined }),
  );
  return (
    specs +
    (jobs.length + 1) * (bytes(input) + bytes(request.workflow)) +
    2 * bytes([request.secrets, ...credentialNames.map((name) => request[name])])
  );
}

const secretMembers = ['secrets', ...credentialNames] as const;

/** As it is stored: its secrets under one seal, what its agents reach other places with under another. */
async function withoutSecrets(
  request: RunRequest,
  sealed: (value: unknown, field: 'secrets' | 'credentials') => Promise<unknown>,
): Promise<Readonly<Record<string, unknown>>> {
  const { secrets, ...rest } = request;
  const members = Object.entries(rest);
  const isCredential = ([name]: readonly [string, unknown]): boolean =>
    credentialNames.some((each) => each === name);
  const credentials = members.filter(isCredential);
  return {
    ...Object.fromEntries(members.filter((each) => !isCredential(each))),
    ...(secrets === undefined ? {} : { secrets: await sealed(secrets, 'secrets') }),
    ...(credentials.length === 0
      ? {}
      : { credentials: await sealed(Object.fromEntries(credentials), 'credentials') }),
  };
}

const memberOf = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? Reflect.get(value, key)
    : undefined;
