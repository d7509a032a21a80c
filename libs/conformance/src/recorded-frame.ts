/** One frame of the other side as it came, judged by the protocol, and shown without what is secret in it. */
import type { wire } from '@waybill/protocol';

export type RecordedFrame = Readonly<{
  /** Its place among all frames of all connections, from 1. */
  place: number;
  atMs: number;
  isText: boolean;
  bytes: number;
  /** Empty where it has none. */
  type: string;
  /** Empty where it is no JSON object. */
  fields: Readonly<Record<string, unknown>>;
  refusal: wire.FrameRefusal | undefined;
}>;

type Parse = (
  frame: string | Uint8Array,
) => wire.Frame<wire.AgentMessage | wire.OrchestratorMessage>;
type Arrival = Readonly<{ data: Uint8Array; isText: boolean; place: number; atMs: number }>;

export function recordFrame(parse: Parse, { data, isText, place, atMs }: Arrival): RecordedFrame {
  const frame = parse(data);
  const fields = fieldsOf(data);
  const type = fields['type'];
  return {
    place,
    atMs,
    isText,
    bytes: data.length,
    type: typeof type === 'string' ? type : '',
    fields,
    refusal: frame.ok ? undefined : frame,
  };
}

function fieldsOf(data: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(data).toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
  } catch {
    return {};
  }
}

/** What the protocol says against it. */
export function issuesOf(refusal: wire.FrameRefusal): string {
  const issues = refusal.issues.map(({ path, message }) =>
    path === '' ? message : `${path}: ${message}`,
  );
  return `${refusal.code}: ${issues.join('; ')}`;
}

const shownCharsMax = 600;
const hidden = '[redacted]';
const secretNames = /token|secret|password|api.?key|url|envVars|dataB64/i;

/** For people: as JSON, cut, with the known secrets and everything that is named like one left out. */
export function shownFrame({ fields, bytes }: RecordedFrame, secrets: readonly string[]): string {
  if (Object.keys(fields).length === 0) return `${bytes} bytes that are no JSON object`;
  const text = JSON.stringify(fields, (key, value: unknown) =>
    secretNames.test(key) && (typeof value === 'string' || isRecord(value)) && value !== ''
      ? hidden
      : value,
  );
  const clean = secrets.reduce((shown, secret) => shown.replaceAll(secret, hidden), text);
  return clean.length > shownCharsMax ? `${clean.slice(0, shownCharsMax)}…` : clean;
}

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const textOf = (frame: RecordedFrame, field: string): string => {
  const value = frame.fields[field];
  return typeof value === 'string' ? value : '';
};

export const numberOf = (frame: RecordedFrame, field: string): number | undefined => {
  const value = frame.fields[field];
  return typeof value === 'number' ? value : undefined;
};

/** Lines of a `log.chunk`, as text. */
export const linesOf = (frame: RecordedFrame): readonly string[] => {
  const lines = frame.fields['lines'];
  return Array.isArray(lines) ? lines.map(String) : [];
};

export const labelsOf = ({ fields }: RecordedFrame): readonly unknown[] =>
  Array.isArray(fields['labels']) ? fields['labels'] : [];
/** What a registration, or its ack, says of extensions. */
export const extensionsOf = ({ fields }: RecordedFrame): Readonly<Record<string, unknown>> =>
  isRecord(fields['extensions']) ? fields['extensions'] : {};
