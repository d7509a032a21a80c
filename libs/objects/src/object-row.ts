/**
 * What lies in the table of objects: an entry for each object that stands, and a note for each place where bytes may lie that
 * nobody stands for. Whoever writes bytes leaves the note first, so that none are ever forgotten.
 */
import { shortHash } from '@waybill/protocol';
import { z } from 'zod';
import { ObjectEntry, type ObjectName, type Owner } from './object.ts';

const Note = z
  .object({
    /** Of the name that the bytes were meant for; none of bytes that are only to be removed. */
    upload: z
      .object({
        key: z.string(),
        bytesMax: z.int().nonnegative(),
        runId: z.string().exactOptional(),
        jobId: z.string().exactOptional(),
        attempt: z.int().exactOptional(),
        fence: z.int().exactOptional(),
      })
      .readonly()
      .exactOptional(),
    org: z.string(),
    /** Wherever bytes of it may lie. */
    keys: z.array(z.string()).readonly(),
    /** Until then they may be wanted. */
    expiresAt: z.int(),
    /** Somebody is removing them: they can no longer become an object. */
    sweeping: z.boolean().exactOptional(),
  })
  .readonly();
export type Note = z.infer<typeof Note>;

/** The entry, and the sequence at which it came to be: their order is the order of commits. */
const EntryRow = z.object({ entry: ObjectEntry, bornSeq: z.int().exactOptional() }).readonly();
export type EntryRow = Readonly<{ entry: ObjectEntry; bornSeq?: number }>;

const part = (...texts: readonly string[]): string => shortHash(JSON.stringify(texts));

export const groupKey = ({ org, kind, scope }: Omit<ObjectName, 'name'>): string =>
  `e.${org}.${kind}.${part(scope)}`;
export const entryKey = (name: ObjectName): string => `${groupKey(name)}.${part(name.name)}`;
export const notePrefix = ({ org, kind, scope, name }: ObjectName): string =>
  `n.${org}.${part(kind, scope, name)}.`;
export const isEntryKey = (key: string): boolean => key.startsWith('e.');

export const rowText = (row: EntryRow | Note): string => JSON.stringify(row);

/** Undefined for what somebody else has put there. */
export const readEntry = (value: Uint8Array): EntryRow | undefined =>
  EntryRow.safeParse(parsed(value)).data;
export const readNote = (value: Uint8Array): Note | undefined => Note.safeParse(parsed(value)).data;

function parsed(value: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(value));
  } catch {
    return undefined;
  }
}

type Of = Readonly<{
  runId?: string | undefined;
  jobId?: string | undefined;
  attempt?: number | undefined;
  fence?: number | undefined;
}>;

export const isOwnedBy = (of: Of, owner: Owner | null): boolean =>
  of.runId === owner?.runId &&
  of.jobId === owner?.jobId &&
  of.attempt === owner?.attempt &&
  of.fence === owner?.fence;

/** A later attempt of the same job. */
export const isSuccessorOf = (of: Of, owner: Owner | null): boolean =>
  owner !== null &&
  of.runId === owner.runId &&
  of.jobId === owner.jobId &&
  (of.fence ?? 0) > owner.fence;
