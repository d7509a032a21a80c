/**
 * `…/approvals`: what people are asked, and what they say. A person's word is a fact, kept once; what becomes of it is the fold's,
 * and what follows from it is decided by others. Said again, it changes nothing.
 */
import {
  type Approval,
  ApprovalDecision,
  approvalView,
  approversOf,
  foldRun,
  isEntitled,
  iso,
  OrgSettingsGeneration,
  PersonName,
  parseApprovalId,
  parseJson,
  RunId,
  runDraft,
  shortHash,
  subjects,
  teamsOf,
  type Voter,
} from '@waybill/protocol';
import { listApprovals } from '@waybill/readmodel';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Problem } from '../domain/problems.ts';
import { type Answer, answering, isProblem, notFound, ok } from './answer.ts';
import type { ApiContext } from './api-context.ts';
import { asker } from './authority.ts';
import { lastGeneration } from './generation.ts';
import { pageAnswer, queryReadModel } from './read-model-query.ts';
import {
  bodyOf,
  cursorParameter,
  headersOf,
  limitParameter,
  originOf,
  pathOf,
  queryOf,
} from './request-read.ts';
import { runEvents } from './run-history.ts';

const ApprovalPath = z.object({ id: z.string().max(128) });
const Said = z.strictObject({
  decision: ApprovalDecision,
  reason: z.string().min(1).max(500).optional(),
});
const State = z.enum(['open', 'approved', 'rejected', 'expired', 'withdrawn']);
const USER = 'waybill-user';

export function approvalRoutes(app: FastifyInstance, api: ApiContext): void {
  const List = z.object({
    state: State.optional(),
    runId: RunId.optional(),
    limit: limitParameter(api.bounds),
    cursor: cursorParameter,
  });
  app.get(
    '/approvals',
    answering(async (request) => {
      const query = queryOf(request, List);
      if (isProblem(query)) return query;
      return pageAnswer(
        await queryReadModel(api, (db) => listApprovals(db, { ...query, org: api.org })),
      );
    }),
  );
  app.post(
    '/approvals/:id/decision',
    answering((request) => decide(request, api)),
  );
}

async function decide(request: FastifyRequest, api: ApiContext): Promise<Answer | Problem> {
  const id = pathOf(request, ApprovalPath)?.id;
  const about = id === undefined ? undefined : parseApprovalId(id);
  if (id === undefined || about === undefined) return notFound;
  const said = bodyOf(request, api.bounds, Said);
  if (isProblem(said)) return said;
  const by = userOf(request);
  if (typeof by !== 'string') return by;
  const approval = await approvalOf(api, about, id);
  if (approval === undefined) return notFound;
  const voter = { by, teams: await teamsAsked(api, by, approval) };
  const isSaid = hasSaid(approval, by, said.decision);
  if (!isSaid && approval.outcome !== null) return settled(approval);
  if (!isSaid && !isEntitled(voter, approval.clauses))
    return { code: 'not-an-approver', detail: `It takes ${approversOf(approval)}.` };
  if (isSaid) return ok(answerOf(api, about, approval));
  return vote(request, api, { about, id, voter, said });
}

type About = NonNullable<ReturnType<typeof parseApprovalId>>;
type Vote = Readonly<{ about: About; id: string; voter: Voter; said: z.infer<typeof Said> }>;

async function vote(
  request: FastifyRequest,
  api: ApiContext,
  { about, id, voter, said }: Vote,
): Promise<Answer | Problem> {
  const { org } = api;
  const { runId, jobId } = about;
  const { by, teams } = voter;
  const { decision, reason } = said;
  const name = shortHash(JSON.stringify([id, by, decision]));
  const outcome = await api.journal.append(
    runDraft({
      org,
      runId,
      type: 'approval.answered',
      meta: {
        id: `${org}:${runId}:approval.answered:${name}`,
        source: '/waybill/api',
        jobId,
        ...originOf(request),
      },
      body: {
        approvalId: id,
        by,
        teams: [...teams],
        decision,
        ...(reason === undefined ? {} : { reason }),
      },
    }),
    undefined,
    { deadlineMs: api.bounds.appendMs },
  );
  if (outcome.outcome !== 'stored') return { code: 'log-unavailable' };
  const approval = await approvalOf(api, about, id);
  // It may have ended since it was looked at: then what was said came too late.
  if (approval === undefined) return notFound;
  return hasSaid(approval, by, decision) ? ok(answerOf(api, about, approval)) : settled(approval);
}

const hasSaid = ({ votes }: Approval, by: string, decision: ApprovalDecision): boolean =>
  votes.some((each) => each.by === by && each.decision === decision);

const settled = ({ outcome, resolvedAt }: Approval): Problem => ({
  code: 'approval-settled',
  detail: `It ended as ${outcome ?? 'withdrawn'} at ${iso(resolvedAt) ?? 'its end'}.`,
});

const answerOf = ({ org }: ApiContext, { runId, jobId }: About, approval: Approval): object => ({
  org,
  runId,
  jobId,
  ...approvalView(approval),
});

async function approvalOf(
  api: ApiContext,
  { runId, jobId }: About,
  id: string,
): Promise<Approval | undefined> {
  const run = foldRun(await runEvents(api, runId));
  const job = run.jobs.find(({ spec }) => spec.jobId === jobId);
  return job?.approvals.find((each) => each.id === id);
}

/** Who speaks with the key of the organisation: whom the caller names, else the key itself. */
function userOf(request: FastifyRequest): string | Problem {
  const given = headersOf(request)(USER);
  if (given === undefined) return asker;
  const user = PersonName.safeParse(given);
  return user.success
    ? user.data
    : { code: 'header-invalid', detail: `${USER} ${user.error.issues[0]?.message ?? 'is wrong'}.` };
}

/** Of the teams that are asked for, those that the person is of as the org has set it. */
async function teamsAsked(
  api: ApiContext,
  user: string,
  { clauses }: Approval,
): Promise<readonly string[]> {
  const asked = new Set(clauses.flatMap(({ team }) => team ?? []));
  if (asked.size === 0) return [];
  const last = await lastGeneration(api, subjects.config(api.org, 'org', 'settings'));
  const stored = OrgSettingsGeneration.safeParse(last && parseJson(last.body));
  return stored.success
    ? teamsOf(stored.data.settings, user).filter((team) => asked.has(team))
    : [];
}
