/**
 * Log lines are the one thing that may be lost: when more of a socket's lines wait for the log than their bound, what comes is
 * dropped until half of them are stored, and a line that counts them is stored in their place. Everything else always passes.
 */
import type { wire } from '@waybill/protocol';
import { limits } from '../domain/limits.ts';
import type { SharedDebt } from './flow-control.ts';

export type Chunk = Readonly<{ message: wire.LogChunk; raw: Uint8Array }>;

export type LogGate = Readonly<{
  /**
   * `store` puts a chunk behind what its job has said before, and is told what it is when its turn has come. Undefined where
   * this one only adds to a gap that waits for its turn already.
   */
  take(
    socket: WeakKey,
    chunk: Chunk,
    store: (kept: () => Chunk) => Promise<void>,
  ): Promise<void> | undefined;
}>;

type Gap = { readonly stepIndex: number; lines: number };
type Waiting = {
  bytes: number;
  lines: number;
  isDropping: boolean;
  /** By job: gaps that wait for their turn, with nothing of the job behind them. */
  readonly gaps: Map<string, Gap>;
};

export function openLogGate(debt: Readonly<SharedDebt>): LogGate {
  const ofSocket = new WeakMap<WeakKey, Waiting>();

  const isDropping = ({ bytes, lines, isDropping: already }: Waiting): boolean => {
    const isCrowded = debt.bytes > limits.pendingBytesOfAllMax / 2;
    const share = already ? 0.5 : 1;
    const bytesMax = isCrowded ? limits.crowdedLogBytesMax : limits.pendingLogBytesMax;
    const linesMax = isCrowded ? limits.crowdedLogLinesMax : limits.pendingLogLinesMax;
    return bytes > bytesMax * share || lines > linesMax * share;
  };

  return {
    take: (socket, chunk, store) => {
      const waiting = ofSocket.get(socket) ?? nothingWaits();
      const { jobId, stepIndex, lines } = chunk.message;
      waiting.isDropping = isDropping(waiting);
      const open = waiting.gaps.get(jobId);
      if (waiting.isDropping) {
        if (open?.stepIndex === stepIndex) {
          open.lines += lines.length;
          return undefined;
        }
        const gap: Gap = { stepIndex, lines: lines.length };
        waiting.gaps.set(jobId, gap);
        return store(() => {
          if (waiting.gaps.get(jobId) === gap) waiting.gaps.delete(jobId);
          return gapChunk(chunk.message, gap.lines);
        });
      }
      waiting.gaps.delete(jobId);
      const bytes = chunk.raw.length;
      const count = lines.length;
      waiting.bytes += bytes;
      waiting.lines += count;
      ofSocket.set(socket, waiting);
      return store(() => chunk).finally(() => {
        waiting.bytes -= bytes;
        waiting.lines -= count;
        if (waiting.lines <= 0 && waiting.bytes <= 0) ofSocket.delete(socket);
      });
    },
  };
}

const nothingWaits = (): Waiting => ({ bytes: 0, lines: 0, isDropping: false, gaps: new Map() });

const encoder = new TextEncoder();

/** The first chunk that was dropped, with other lines. */
function gapChunk(first: wire.LogChunk, lines: number): Chunk {
  const message = { ...first, lines: [`… ${lines} lines dropped here`] };
  return { message, raw: encoder.encode(JSON.stringify(message)) };
}
