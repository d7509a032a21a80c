/**
 * The agent's own operational log: its newest lines in memory, bounded, for whoever asks for them; and, where its owner wants
 * it, each line on its way to the server in batches. It is a destination of a logger, so every line is masked already.
 */
import { Writable } from 'node:stream';
import type { Clock, Timer } from '@waybill/process';
import type { wire } from '@waybill/protocol';

export type LogLine = Readonly<{ atMs: number; text: string }>;

export type AgentLogOptions = Readonly<{
  clock: Clock;
  /** Characters kept, at most. */
  charsMax?: number;
  linesMax?: number;
  delayMs?: number;
}>;

export type AgentLogStream = Readonly<{
  /** For `createLogger({ destination })`. */
  destination: Writable;
  /** The newest lines since then that fit, oldest first. */
  recent(o: Readonly<{ sinceMs: number; bytesMax: number }>): readonly LogLine[];
  /** From now on lines go there too, those that wait first; undefined: they wait again. */
  send(to: ((lines: readonly string[]) => void) | undefined): void;
}>;

const keptCharsMax = 4_194_304;
/** Lines that wait while the agent is away. */
const waitingMax = 10_000;
const lineCharsMax = 65_536;

export function createAgentLog(o: AgentLogOptions): AgentLogStream {
  const { clock, charsMax = keptCharsMax, linesMax = 50, delayMs = 100 } = o;
  let kept: LogLine[] = [];
  let keptChars = 0;
  let head = 0;
  let waiting: string[] = [];
  let dropped = 0;
  let receiver: ((lines: readonly string[]) => void) | undefined;
  let timer: Timer | undefined;
  let rest = '';

  const flush = (): void => {
    timer?.cancel();
    timer = undefined;
    if (receiver === undefined || waiting.length === 0) return;
    const gap = dropped === 0 ? [] : [`... ${dropped} lines are missing: the agent was away`];
    const lines = [...gap, ...waiting];
    [waiting, dropped] = [[], 0];
    for (let at = 0; at < lines.length; at += linesMax) receiver(lines.slice(at, at + linesMax));
  };
  const add = (text: string): void => {
    kept.push({ atMs: clock.now(), text });
    keptChars += text.length;
    while (keptChars > charsMax) keptChars -= kept[head++]?.text.length ?? 0;
    if (head > 1_024) [kept, head] = [kept.slice(head), 0];
    waiting.push(text);
    if (waiting.length > waitingMax) {
      waiting.shift();
      dropped += 1;
    }
    if (receiver === undefined) return;
    if (waiting.length >= linesMax) flush();
    else timer ??= clock.after(delayMs, flush, { background: true });
  };

  return {
    destination: new Writable({
      decodeStrings: false,
      write: (chunk: Buffer | string, _encoding, done) => {
        const lines = (rest + chunk.toString()).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) if (line !== '') add(line.slice(0, lineCharsMax));
        done();
      },
    }),
    recent: ({ sinceMs, bytesMax }) => {
      const found: LogLine[] = [];
      let bytes = 0;
      for (let at = kept.length - 1; at >= head; at--) {
        const line = kept[at];
        if (line === undefined || line.atMs < sinceMs) break;
        bytes += Buffer.byteLength(line.text) + 1;
        if (bytes > bytesMax) break;
        found.push(line);
      }
      return found.reverse();
    },
    send: (to) => {
      receiver = to;
      flush();
    },
  };
}

/** The frame of some lines. */
export const agentLogFrame = (
  agentId: string,
  messageId: string,
  timestamp: number,
  lines: readonly string[],
): wire.AgentLog => ({ type: 'agent.log', messageId, agentId, lines, timestamp });
