/**
 * `…/rules`: rules as they stand, and a rule's next generation. A generation is appended with the expectation of its own
 * last sequence, so that two who apply at once make two generations and lose none.
 */
import { parseJson, type Rule, RuleGeneration, RuleName, subjects } from '@waybill/protocol';
import { listRules } from '@waybill/readmodel';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Problem } from '../domain/problems.ts';
import { type Answer, answering, isProblem, ok, tooLarge } from './answer.ts';
import type { ApiContext } from './api-context.ts';
import { pageAnswer, queryReadModel } from './read-model-query.ts';
import {
  bytesOf,
  cursorParameter,
  isJsonType,
  limitParameter,
  mediaTypeOf,
  originOf,
  pathOf,
  queryOf,
} from './request-read.ts';
import { readRuleFile } from './rule-file.ts';

const RulePath = z.object({ name: z.string() });
const yamlTypes = ['application/yaml', 'application/x-yaml', 'text/yaml', 'text/x-yaml'];
/** Each lost race is another's generation: many in a row mean that somebody applies in a loop. */
const triesMax = 8;

export function ruleRoutes(app: FastifyInstance, api: ApiContext): void {
  const List = z.object({ limit: limitParameter(api.bounds), cursor: cursorParameter });
  app.get(
    '/rules',
    answering(async (request) => {
      const query = queryOf(request, List);
      if (isProblem(query)) return query;
      return pageAnswer(
        await queryReadModel(api, (db) => listRules(db, { ...query, org: api.org })),
      );
    }),
  );
  app.put(
    '/rules/:name',
    { bodyLimit: api.bounds.ruleBytes },
    answering((request) => putRule(request, api)),
  );
}

async function putRule(request: FastifyRequest, api: ApiContext): Promise<Answer | Problem> {
  const rule = ruleOf(request, api);
  return isProblem(rule) ? rule : store(api, rule, request);
}

function ruleOf(request: FastifyRequest, api: ApiContext): Rule | Problem {
  const mediaType = mediaTypeOf(request);
  if (!yamlTypes.includes(mediaType) && !isJsonType(mediaType))
    return { code: 'media-type', detail: 'A rule is application/yaml or application/json.' };
  const text = textOf(bytesOf(request));
  const file = text === undefined ? undefined : readRuleFile(text);
  if (file === undefined)
    return {
      code: 'rule-invalid',
      errors: [{ line: 1, column: 1, path: '', message: 'is not UTF-8' }],
    };
  // The file first: its mistakes have lines, a name that no rule may have among them.
  if (file.kind === 'mistakes')
    return { code: 'rule-invalid', errors: file.mistakes.slice(0, api.bounds.mistakes) };
  const name = RuleName.safeParse(pathOf(request, RulePath)?.name);
  if (name.data === file.rule.metadata.name) return file.rule;
  const message = name.success
    ? `must be "${name.data}", as in the path`
    : `the name in the path ${name.error.issues[0]?.message ?? ''}`;
  return { code: 'rule-invalid', errors: [{ path: 'metadata.name', message, ...file.nameAt }] };
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

async function store(
  api: ApiContext,
  rule: Rule,
  request: FastifyRequest,
): Promise<Answer | Problem> {
  const { name } = rule.metadata;
  const subject = subjects.config(api.org, 'rule', name);
  for (let tries = 0; tries < triesMax; tries++) {
    const last = await api.journal.last('WB_CONFIG', subject, { leader: true });
    const current =
      last === undefined ? undefined : RuleGeneration.safeParse(parseJson(last.body)).data;
    const lastSeq = last?.seq ?? 0;
    if (current !== undefined && isSame(current.rule, rule))
      return ok({ name, generation: current.generation, seq: lastSeq, unchanged: true });
    const generation = (current?.generation ?? 0) + 1;
    const meta = {
      id: `${api.org}:rule.${name}@${lastSeq}`,
      source: '/waybill/api',
      ...originOf(request),
    };
    const body = JSON.stringify({ generation, rule } satisfies RuleGeneration);
    const draft = { stream: 'WB_CONFIG', subject, type: 'rule.applied', meta, body } as const;
    const outcome = await api.journal.append(
      draft,
      { filter: subject, lastSeq },
      { deadlineMs: api.bounds.appendMs },
    );
    if (outcome.outcome === 'stored')
      return { status: 201, body: { name, generation, seq: outcome.seq, unchanged: false } };
    if (outcome.outcome === 'unknown') return { code: 'log-unavailable' };
    if (outcome.outcome === 'refused') return refused(api, outcome.code);
  }
  return { code: 'rule-conflict' };
}

function refused(api: ApiContext, code: string): Problem {
  if (code === 'stream-full') return { code: 'log-full', detail: 'The stream WB_CONFIG is full.' };
  if (code === 'too-large')
    return tooLarge(api.journal.maxPayload - api.bounds.payloadReserveBytes);
  return { code: 'log-unavailable' };
}

/** Both come out of the same schema, which settles the order of keys; in maps the order is part of what was written. */
const isSame = (a: Rule, b: Rule): boolean => JSON.stringify(a) === JSON.stringify(b);
