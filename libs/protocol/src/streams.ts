/**
 * The streams of the log as data (DESIGN: The log). The journal provisions exactly this and checks what the server accepted.
 * Record streams (`keeps: 'all'`) refuse deletes and purges for ever; message schedules and roll-ups are never enabled on
 * any of them, because they would let a publisher wipe a stream.
 */
import { allSubjects } from './subjects.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export type StreamName =
  | 'WB_TRIGGERS'
  | 'WB_RUNS'
  | 'WB_HEARTBEATS'
  | 'WB_LOGS'
  | 'WB_AGENTS'
  | 'WB_CONFIG'
  | 'WB_GATES'
  | 'WB_DEAD';

export type StreamSpec = Readonly<{
  name: StreamName;
  description: string;
  subjects: readonly string[];
  /** `all`: discard new, deny_delete, deny_purge, no age. `bounded`: discard old past `maxAgeMs` or `maxBytes`. */
  keeps: 'all' | 'bounded';
  maxAgeMs?: number;
  maxBytes?: number;
  duplicateWindowMs: number;
  republish?: Readonly<{ src: string; dest: string }>;
}>;

/** How long the server itself recognises a repeated id. Only economy: the fold and expectations do not need it. */
const DUPLICATE_WINDOW_MS = 120_000;

const all = (name: StreamName, subject: string, description: string): StreamSpec => ({
  name,
  description,
  subjects: [subject],
  keeps: 'all',
  duplicateWindowMs: DUPLICATE_WINDOW_MS,
});

export const streams: Readonly<Record<StreamName, StreamSpec>> = {
  WB_TRIGGERS: all('WB_TRIGGERS', allSubjects.triggers, 'Every trigger and its one decision.'),
  WB_RUNS: {
    ...all('WB_RUNS', allSubjects.runs, 'The log of record: every decision and fact about runs.'),
    republish: { src: allSubjects.runs, dest: 'wb.v1.live.run.>' },
  },
  WB_HEARTBEATS: {
    name: 'WB_HEARTBEATS',
    description: 'Every job heartbeat, apart so that it never competes with the record.',
    subjects: [allSubjects.heartbeats],
    keeps: 'bounded',
    maxAgeMs: 2 * DAY_MS,
    duplicateWindowMs: DUPLICATE_WINDOW_MS,
  },
  WB_LOGS: {
    name: 'WB_LOGS',
    description: "Log chunks of jobs and agents' operational lines.",
    subjects: [allSubjects.logs, allSubjects.agentLogs],
    keeps: 'bounded',
    maxAgeMs: 30 * DAY_MS,
    maxBytes: 20 * 1024 ** 3,
    duplicateWindowMs: DUPLICATE_WINDOW_MS,
  },
  WB_AGENTS: {
    name: 'WB_AGENTS',
    description: 'Agents registered, status, disconnected, and what they did against the protocol.',
    subjects: [allSubjects.agents],
    keeps: 'bounded',
    maxAgeMs: 30 * DAY_MS,
    duplicateWindowMs: DUPLICATE_WINDOW_MS,
  },
  WB_CONFIG: all('WB_CONFIG', allSubjects.config, 'Every generation of rules and settings.'),
  WB_GATES: all('WB_GATES', allSubjects.gates, 'Constraints across runs.'),
  WB_DEAD: {
    name: 'WB_DEAD',
    description: 'A report of whatever could not be decoded.',
    subjects: [allSubjects.dead],
    keeps: 'bounded',
    maxAgeMs: 90 * DAY_MS,
    duplicateWindowMs: DUPLICATE_WINDOW_MS,
  },
};

export const streamNames = Object.keys(streams) as readonly StreamName[]; // the record's keys are its type
