/** Invariant 12: tenant of subject = tenant of body = tenant of session = tenant of row. */
import { parseSubject, readAgentMessage } from '@waybill/protocol';
import type { Evidence, LoggedMessage, TableRow, Violation } from './evidence.ts';
import type { RunStory } from './run-story.ts';

type Session = Readonly<{ org: string; agentId: string }>;

export function oneTenant(
  { log, tables }: Pick<Evidence, 'log' | 'tables'>,
  runs: readonly RunStory[],
): readonly Violation[] {
  const sessions = sessionsOf(log.WB_AGENTS);
  const orgOfRun = new Map(runs.map(({ runId, org }) => [runId, org]));
  return [
    ...runs.flatMap((run) => ofOneOrg(run, orgOfRun.get(run.runId), sessions)),
    ...Object.entries(tables).flatMap(([table, rows]) => alienRows(table, rows, orgOfRun)),
    ...wordsElsewhere([...log.WB_LOGS, ...log.WB_HEARTBEATS], orgOfRun),
  ];
}

function ofOneOrg(
  { org, runId, moments }: RunStory,
  known: string | undefined,
  sessions: ReadonlyMap<number, Session>,
): readonly Violation[] {
  return moments.flatMap(({ event }) => {
    const { session, agentId } = event.meta;
    const there = session === undefined ? undefined : sessions.get(session);
    const isAlien = session !== undefined && (there?.org !== org || there.agentId !== agentId);
    const theirs = `${there?.agentId ?? 'nobody'} in ${there?.org ?? 'no org'}`;
    const body = event.type === 'run.created' ? event.body.org : org;
    return [
      known === org ? [] : [`it lies in ${org} and in ${known}`],
      body === org ? [] : [`its subject is of ${org}, its body of ${body}`],
      isAlien ? [`${event.type} is of ${agentId} in ${org}, session ${session} of ${theirs}`] : [],
    ]
      .flat()
      .map((what) => ({ invariant: 12, seq: event.seq, what: `${runId}: ${what}` }));
  });
}

const alienRows = (
  table: string,
  rows: readonly TableRow[],
  orgOfRun: ReadonlyMap<string, string>,
): readonly Violation[] =>
  rows.flatMap(({ run_id: runId, org: rowOrg }) => {
    const org = typeof runId === 'string' ? orgOfRun.get(runId) : undefined;
    if (org === undefined || rowOrg === org) return [];
    const what = `${table}: run ${String(runId)} of ${org} has a row of ${String(rowOrg)}`;
    return [{ invariant: 12, seq: null, what }];
  });

function sessionsOf(messages: readonly LoggedMessage[]): ReadonlyMap<number, Session> {
  const sessions = new Map<number, Session>();
  for (const message of messages) {
    const event = readAgentMessage(message);
    if (event?.type === 'registered')
      sessions.set(event.seq, { org: event.org, agentId: event.body.agentId });
  }
  return sessions;
}

/** Log lines and heartbeats lie in streams of their own, under the org of the run that they are about. */
const wordsElsewhere = (
  messages: readonly LoggedMessage[],
  orgOfRun: ReadonlyMap<string, string>,
): readonly Violation[] =>
  messages.flatMap(({ subject, seq, stream }) => {
    const parsed = parseSubject(subject);
    if (parsed?.family !== 'log' && parsed?.family !== 'heartbeat') return [];
    const org = orgOfRun.get(parsed.runId);
    if (org === parsed.org) return [];
    return [
      { invariant: 12, seq, what: `${stream}: ${subject} is about a run of ${org ?? 'nobody'}` },
    ];
  });
