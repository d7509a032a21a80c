/** `…/settings`: what the org has set for itself. What a change does not name stays as it is; null takes a setting back. */
import {
  OrgSettings,
  OrgSettingsGeneration,
  orgSettingsLimits,
  PersonName,
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

const { dispatchAckTimeoutMs, approvalTimeoutMs } = OrgSettings.shape;
const Members = z.array(PersonName).max(orgSettingsLimits.members);
const Change = z.strictObject({
  dispatchAckTimeoutMs: dispatchAckTimeoutMs.nullable(),
  approvalTimeoutMs: approvalTimeoutMs.nullable(),
  /** By name, each with all its members; null takes a team away. */
  teams: z.record(PersonName, Members.nullable()).nullable().optional(),
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
  let isTooMuch = false;
  const stored = await storeGeneration<OrgSettingsGeneration>(api, request, {
    subject,
    name: 'org.settings',
    type: 'org.changed',
    read: (value) => OrgSettingsGeneration.safeParse(value).data,
    next: (current, generation) => {
      const before = current?.settings ?? {};
      const settings = withChange(before, change);
      isTooMuch = settings === undefined;
      if (settings === undefined) return undefined;
      const isSame = current !== undefined && JSON.stringify(before) === JSON.stringify(settings);
      return isSame ? undefined : { generation, settings };
    },
  });
  if (isTooMuch) return tooManyTeams;
  return isProblem(stored) ? stored : ok(viewOf(api.org, stored.value));
}

const tooManyTeams: Problem = {
  code: 'request-invalid',
  errors: [{ path: 'teams', message: `an org has at most ${orgSettingsLimits.teams} teams` }],
};

/** Undefined where it would be more than an org may have. */
function withChange(
  before: OrgSettings,
  { dispatchAckTimeoutMs: ack, approvalTimeoutMs: approval, teams }: z.infer<typeof Change>,
): OrgSettings | undefined {
  const all = Object.entries(teams === null ? {} : { ...before.teams, ...teams });
  const kept = all.flatMap(([name, members]) =>
    members === null ? [] : [[name, members] as const],
  );
  return OrgSettings.safeParse({
    dispatchAckTimeoutMs: ack === undefined ? before.dispatchAckTimeoutMs : (ack ?? undefined),
    approvalTimeoutMs: approval === undefined ? before.approvalTimeoutMs : (approval ?? undefined),
    ...(kept.length === 0 ? {} : { teams: Object.fromEntries<readonly string[]>(kept) }),
  }).data;
}

const viewOf = (org: string, { generation, settings }: OrgSettingsGeneration) => ({
  org,
  generation,
  settings: {
    dispatchAckTimeoutMs: settings.dispatchAckTimeoutMs ?? null,
    approvalTimeoutMs: settings.approvalTimeoutMs ?? null,
    teams: settings.teams ?? {},
  },
  limits: orgSettingsLimits,
});
