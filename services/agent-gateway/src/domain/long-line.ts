/**
 * Lines of a log that are longer than anybody reads, shortened where they come in: an agent does nothing wrong with them, and must
 * not lose its connection for what one of its steps has printed.
 */
import { wire } from '@waybill/protocol';

type Taken = Readonly<{
  frame: Extract<wire.Frame<wire.AgentMessage>, { ok: true }>;
  raw: Uint8Array;
}>;

const { lineCharsMax, linesMax } = wire.wireLimits;
const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** The frame without what was too long in it; undefined where that was not what is wrong with it. */
export function shortened(refusal: wire.FrameRefusal, raw: Uint8Array): Taken | undefined {
  const { code, type } = refusal;
  if (code !== 'invalid' || (type !== 'log.chunk' && type !== 'agent.log')) return undefined;
  const json: unknown = JSON.parse(decoder.decode(raw));
  const lines: unknown =
    typeof json === 'object' && json !== null ? Reflect.get(json, 'lines') : undefined;
  if (!Array.isArray(lines)) return undefined;
  const text = textOf({ ...(json as object), lines: fewer(lines.map(shorter)) }); // it has `lines`
  if (text === undefined) return undefined;
  const shortRaw = encoder.encode(text);
  const frame = wire.parseAgentFrame(shortRaw);
  return frame.ok ? { frame, raw: shortRaw } : undefined;
}

/** Undefined for what is nested without end: it can be read, and not be written again. */
function textOf(value: object): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}

function shorter(line: unknown): unknown {
  if (typeof line !== 'string' || line.length <= lineCharsMax) return line;
  const note = ` … [${line.length} characters, the rest was not kept]`;
  return line.slice(0, lineCharsMax - note.length).toWellFormed() + note;
}

function fewer(lines: readonly unknown[]): readonly unknown[] {
  if (lines.length <= linesMax) return lines;
  return [...lines.slice(0, linesMax - 1), `… [${lines.length} lines, the rest was not kept]`];
}
