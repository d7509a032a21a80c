/**
 * One event of a run as the canonical JSON text that its record holds. Made when the event is folded, so that neither the
 * message nor its network buffer has to be kept.
 */
import { createHash } from 'node:crypto';
import { iso, parseJson, type RunEvent, type StoredMessage } from '@waybill/protocol';
import canonicalize from 'canonicalize';
import { documentValue } from '../domain/column-value.ts';

const headerNames = [
  'ce-type',
  'wb-agent',
  'wb-attempt',
  'wb-causation',
  'wb-fence',
  'wb-job',
  'wb-request-id',
  'wb-run',
  'wb-session',
  'wb-version',
] as const;

/** Deeper documents are legal JSON, and more than the database would unfold. */
const depthMax = 512;

export function eventText(message: StoredMessage, event: RunEvent): string {
  const headers = headerNames.flatMap((name): [string, string][] => {
    const value = message.header(name);
    return value === undefined ? [] : [[name, value]];
  });
  const base = {
    seq: message.seq,
    at: iso(message.at),
    id: event.id,
    subject: message.subject,
    headers: Object.fromEntries(headers),
  };
  // What cannot be read may hold anything: the record says what it was, and the log keeps it.
  if (event.type === 'unreadable')
    return canonicalText({
      ...base,
      body: null,
      unreadable: { code: event.problem.code, ...bytesOf(message) },
    });
  const body = parseJson(message.body);
  // A level takes two characters, so that a short body needs no look.
  const tooDeep = message.body.length > 2 * depthMax && isDeeper(body, depthMax);
  const whole = tooDeep ? undefined : canonicalOrNothing({ ...base, body });
  return whole ?? canonicalText({ ...base, body: documentValue(body), altered: bytesOf(message) });
}

/** Canonical JSON; halves of surrogate pairs and the like, which it cannot hold, are replaced. */
export const canonicalText = (value: object): string =>
  canonicalOrNothing(value) ?? canonicalize(documentValue(value)) ?? 'null';

function canonicalOrNothing(value: object): string | undefined {
  try {
    return canonicalize(value);
  } catch {
    return undefined;
  }
}

const bytesOf = ({ body }: StoredMessage): Readonly<{ sha256: string; size: number }> => ({
  sha256: createHash('sha256').update(body).digest('hex'),
  size: body.length,
});

/** Without recursion, because depth is just what may be too much. */
function isDeeper(value: unknown, levels: number): boolean {
  let layer: readonly unknown[] = [value];
  for (let depth = 0; depth <= levels; depth++) {
    layer = layer.flatMap((each): readonly unknown[] =>
      typeof each === 'object' && each !== null ? Object.values(each) : [],
    );
    if (layer.length === 0) return false;
  }
  return true;
}
