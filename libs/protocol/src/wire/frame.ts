/**
 * From a frame's text or bytes to a message, without ever throwing. What is reported about a bad
 * frame names places and expectations and never repeats what was sent, because that may be secret.
 */
import type { z } from 'zod';
import {
  AgentMessage,
  OrchestratorMessage,
  UpstreamMessage,
  type WireDirection,
  wireTypes,
} from './direction.ts';
import { wireLimits } from './limits.ts';
import { schemaPath } from './schema-path.ts';

export type FrameIssue = Readonly<{ path: string; message: string }>;
export type FrameRefusalCode =
  | 'not-json'
  | 'not-object'
  | 'wrong-direction'
  | 'unknown-type'
  | 'invalid';
export type FrameRefusal = Readonly<{
  ok: false;
  code: FrameRefusalCode;
  /** The message's type, where it has one that is safe to show. */
  type?: string;
  issues: readonly FrameIssue[];
}>;
export type Frame<Message> = Readonly<{ ok: true; message: Message }> | FrameRefusal;

/** What an agent sent. */
export const parseAgentFrame = (frame: string | Uint8Array): Frame<AgentMessage> =>
  parse('agent', AgentMessage, frame);

/** What an orchestrator sent. */
export const parseOrchestratorFrame = (frame: string | Uint8Array): Frame<OrchestratorMessage> =>
  parse('orchestrator', OrchestratorMessage, frame);

/** What an orchestrator forwarded upstream. */
export const parseUpstreamFrame = (frame: string | Uint8Array): Frame<UpstreamMessage> =>
  parse('upstream', UpstreamMessage, frame);

const utf8 = new TextDecoder('utf-8', { fatal: true });
const shownType = /^[\w.:-]{1,64}$/;

function parse<Schema extends z.ZodType>(
  direction: WireDirection,
  schema: Schema,
  frame: string | Uint8Array,
): Frame<z.infer<Schema>> {
  const json = decode(frame);
  if (json === undefined) return refuse('not-json', 'expected one JSON value in UTF-8');
  if (typeof json.value !== 'object' || json.value === null || Array.isArray(json.value)) {
    return refuse('not-object', 'expected a JSON object');
  }
  const type: unknown = Reflect.get(json.value, 'type');
  if (typeof type !== 'string') {
    return { ok: false, code: 'invalid', issues: [{ path: 'type', message: 'expected a string' }] };
  }
  if (!wireTypes[direction].has(type)) return misdirected(type);
  const parsed = schema.safeParse(json.value);
  if (parsed.success) {
    if (!isDeeper(json.value, wireLimits.frameDepthMax)) return { ok: true, message: parsed.data };
    const message = `must not be nested deeper than ${wireLimits.frameDepthMax}`;
    return { ok: false, code: 'invalid', type, issues: [{ path: '', message }] };
  }
  return { ok: false, code: 'invalid', type, issues: issuesOf(schema, type, parsed.error) };
}

function decode(frame: string | Uint8Array): Readonly<{ value: unknown }> | undefined {
  try {
    return { value: JSON.parse(typeof frame === 'string' ? frame : utf8.decode(frame)) };
  } catch {
    // Both parsers' errors quote their input, so nothing of them is kept.
    return undefined;
  }
}

/** Recursive, but for no longer than the bound; `in` meets own keys alone, because JSON makes plain objects. */
export function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  if (Array.isArray(value)) return value.some((each) => isDeeper(each, levels - 1));
  for (const key in value) if (isDeeper(Reflect.get(value, key), levels - 1)) return true;
  return false;
}

const refuse = (code: FrameRefusalCode, message: string): FrameRefusal => ({
  ok: false,
  code,
  issues: [{ path: '', message }],
});

function misdirected(type: string): FrameRefusal {
  const known = Object.values(wireTypes).some((types) => types.has(type));
  const refusal = known
    ? refuse('wrong-direction', 'this message is sent by the other side')
    : refuse('unknown-type', 'nobody defined a message of this type');
  return shownType.test(type) ? { ...refusal, type } : refusal;
}

const issuesOf = (schema: z.ZodType, type: string, error: z.ZodError): readonly FrameIssue[] =>
  error.issues.slice(0, wireLimits.issuesMax).map(({ path, message }) => ({
    path: schemaPath(schema, type, path),
    message,
  }));
