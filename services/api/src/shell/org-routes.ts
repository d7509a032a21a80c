/** `…/settings`: what the org has set for itself. What a change does not name stays as it is; null takes a setting back. */
import {
  OrgSettings,
  OrgSettingsGeneration,
  orgSettingsLimits,
  parseJson,
  subjects,
} from '@waybill/protocol';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Problem } from '../domain/problems.ts';
import { type Answer, answering, isProblem, ok } from './answer.ts';
import type { ApiContext } from './api-context.ts';
import { lastGeneration, storeGeneration } from './generation.ts';
import { bodyOf } from './request-read.ts';

const Change = z.strictObject({
  dispatchAckTimeoutMs: OrgSettings.shape.dispatchAckTimeoutMs.nullable(),
});

const nothingSet: OrgSettingsGeneration = { generation: 0, settings: {} };

export function orgRoutes(app: FastifyInstance, api: ApiContext): void {
  const subject = subjects.config(api.org, 'org', 'settings');
  app.get(
    '/settings',
    answering(async () => {
      const last = await lastGeneration(api, subject);
      const stored = last === undefined ? undefined : parseJson(last.body);
      return ok(viewOf(api.org, OrgSettingsGeneration.safeParse(stored).data ?? nothingSet));
    }),
  );
  app.patch(
    '/settings',
    answering((request) => patch(request, api, subject)),
  );
}

async function patch(
  request: FastifyRequest,
  api: ApiContext,
  subject: string,
): Promise<Answer | Problem> {
  const change = bodyOf(request, api.bounds, Change);
  if (isProblem(change)) return change;
  const stored = await storeGeneration<OrgSettingsGeneration>(api, request, {
    subject,
    name: 'org.settings',
    type: 'org.changed',
    read: (value) => OrgSettingsGeneration.safeParse(value).data,
    next: (current, generation) => {
      const before = current?.settings ?? {};
      const settings = withChange(before, change);
      const isSame = current !== undefined && JSON.stringify(before) === JSON.stringify(settings);
      return isSame ? undefined : { generation, settings };
    },
  });
  return isProblem(stored) ? stored : ok(viewOf(api.org, stored.value));
}

const withChange = (before: OrgSettings, change: z.infer<typeof Change>): OrgSettings => {
  const { dispatchAckTimeoutMs = before.dispatchAckTimeoutMs } = change;
  return dispatchAckTimeoutMs === undefined || dispatchAckTimeoutMs === null
    ? {}
    : { dispatchAckTimeoutMs };
};

const viewOf = (org: string, { generation, settings }: OrgSettingsGeneration) => ({
  org,
  generation,
  settings: { dispatchAckTimeoutMs: settings.dispatchAckTimeoutMs ?? null },
  limits: orgSettingsLimits,
});
