/**
 * Ids and what can be read from them without any state.
 * A trigger's id hashes what makes it one trigger (org, source, delivery id); its runs are `<triggerId>-<index>`, their jobs
 * `<runId>-<index>`, and on the wire attempt n of a job is `<jobId>-a<n>` (attempt 1 is `<jobId>`): the published agent
 * protocol carries no attempt number, and some of its frames carry no run.
 */
import { z } from 'zod';
import { shortHash } from './hash.ts';

const TOKEN = /^[A-Za-z0-9_-]{1,64}$/;
const TRIGGER_ID = /^[0-9a-hjkmnp-tv-z]{26}$/;
// An index has no leading zero: an id has one spelling, else one run would lie on two subjects.
const RUN_ID = /^([0-9a-hjkmnp-tv-z]{26})-(?:0|[1-9]\d{0,3})$/;
const JOB_ID = /^[0-9a-hjkmnp-tv-z]{26}-(?:0|[1-9]\d{0,3})-(?:0|[1-9]\d{0,3})$/;
const WIRE_JOB_ID =
  /^(?<run>[0-9a-hjkmnp-tv-z]{26}-(?:0|[1-9]\d{0,3}))-(?<index>0|[1-9]\d{0,3})(?:-a(?<attempt>[2-9]|[1-9]\d{1,3}))?$/;

/** A subject token: what an id must look like to stand between two dots. */
export const Token = z.string().regex(TOKEN, 'must be 1 to 64 letters, digits, "_" or "-"');
export const Org = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'must be lower case letters, digits, "_" or "-"');
export const TriggerId = z.string().regex(TRIGGER_ID);
export const RunId = z.string().regex(RUN_ID);
export const JobId = z.string().regex(JOB_ID);

export const isToken = (text: string): boolean => TOKEN.test(text);
export const isRunId = (text: string): boolean => RUN_ID.test(text);

/** A foreign id as a subject token: itself where it fits, else `h_` and a hash. The body keeps it as it is. */
export const foreignToken = (id: string): string =>
  isToken(id) && !id.startsWith('h_') ? id : `h_${shortHash(hashable(id))}`;

/** Halves of characters are all the same in UTF-8: such a text is hashed as JSON writes it, behind a character that no id has. */
const hashable = (id: string): string => (id.isWellFormed() ? id : `\0${JSON.stringify(id)}`);

/** One trigger = one delivery id of one source of one org: a repeat, years later too, has the same id. */
export const triggerId = (org: string, source: string, deliveryId: string): string =>
  shortHash(JSON.stringify([org, source, deliveryId]));

export const runId = (trigger: string, index: number): string => `${trigger}-${index}`;
export const jobId = (run: string, index: number): string => `${run}-${index}`;
export const wireJobId = (job: string, attempt: number): string =>
  attempt === 1 ? job : `${job}-a${attempt}`;

/** The k-th approval that an attempt asks for, from 1; the 0th is asked for the job itself, before its first attempt. */
export const approvalId = (job: string, attempt: number, index: number): string =>
  `${wireJobId(job, attempt)}-p${index}`;

/** The job that an approval is about; undefined for an id that we never minted. */
export function parseApprovalId(id: string): WireJob | undefined {
  const wireId = /^(.{1,96})-p(?:0|[1-9]\d{0,5})$/.exec(id)?.[1];
  return wireId === undefined ? undefined : parseWireJobId(wireId);
}

/** The trigger that a run came from; undefined for what is not a run id. */
export const triggerOfRun = (run: string): string | undefined => RUN_ID.exec(run)?.[1];

export type WireJob = Readonly<{ runId: string; jobId: string; attempt: number; index: number }>;

/** The inverse of `wireJobId(jobId(runId, index), attempt)`; undefined for an id that we never minted. */
export function parseWireJobId(id: string): WireJob | undefined {
  const { run, index, attempt = '1' } = WIRE_JOB_ID.exec(id)?.groups ?? {};
  if (run === undefined || index === undefined) return undefined;
  return {
    runId: run,
    jobId: `${run}-${index}`,
    attempt: Number(attempt),
    index: Number(index),
  };
}
