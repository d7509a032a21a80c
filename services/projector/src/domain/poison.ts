/** A message of the log that cannot be read as an event: what is reported of it, and never its content in plain. */
import { parseSubject, type StoredMessage, type Unreadable } from '@waybill/protocol';

export type Poison = Readonly<{ message: StoredMessage; problem: Unreadable }>;

const ORG = /^[a-z0-9][a-z0-9_-]{0,62}$/;

/** Whose it is: what its subject says, or at least claims; `unknown` where it claims nothing. */
export function orgOf(subject: string): string {
  const parsed = parseSubject(subject);
  if (parsed !== undefined) return parsed.org;
  const tokens = subject.split('.');
  const claimed = tokens[2] === 'config' || tokens[2] === 'dead' ? tokens[3] : tokens[4];
  return claimed !== undefined && ORG.test(claimed) ? claimed : 'unknown';
}

export const unknownSubject: Unreadable = {
  code: 'unknown-subject',
  detail: 'no subject of this build',
};
