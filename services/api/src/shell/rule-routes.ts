/**
 * `…/rules`: rules as they stand, and a rule's next generation.
 */
import { type Rule, RuleGeneration, RuleName, subjects } from '@waybill/protocol';
import { listRules } from '@waybill/readmodel';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Problem } from '../domain/problems.ts';
import { type Answer, answering, isProblem } from './answer.ts';
import type { ApiContext } from './api-context.ts';
import { storeGeneration } from './generation.ts';
import { pageAnswer, queryReadModel } from './read-model-query.ts';
import {
  bytesOf,
  cursorParameter,
  isJsonType,
  limitParameter,
  mediaTypeOf,
  pathOf,
  queryOf,
} from './request-read.ts';
import { readRuleFile } from './rule-file.ts';

const RulePath = z.object({ name: z.string() });
const yamlTypes = ['application/yaml', 'application/x-yaml', 'text/yaml', 'text/x-yaml'];

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
  const stored = await storeGeneration(api, request, {
    subject: subjects.config(api.org, 'rule', name),
    name: `rule.${name}`,
    type: 'rule.applied',
    read: (json) => RuleGeneration.safeParse(json).data,
    next: (current, generation) =>
      current !== undefined && isSame(current.rule, rule) ? undefined : { generation, rule },
  });
  if (isProblem(stored)) return stored;
  const { value, seq, unchanged } = stored;
  return {
    status: unchanged ? 200 : 201,
    body: { name, generation: value.generation, seq, unchanged },
  };
}

/** Both come out of the same schema, which settles the order of keys; in maps the order is part of what was written. */
const isSame = (a: Rule, b: Rule): boolean => JSON.stringify(a) === JSON.stringify(b);
