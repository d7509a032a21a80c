/**
 * One WebSocket to the side under test, from its opening to its end: every frame recorded in its place, what is waited for
 * waited for with a bound, and nothing answered that nobody asked for.
 */
import type { wire } from '@waybill/protocol';
import type { RawData, WebSocket } from 'ws';
import { fail } from './check.ts';
import { type RecordedFrame, recordFrame } from './recorded-frame.ts';
import type { Watch } from './watch.ts';

export type Closed = Readonly<{ code: number; reason: string; atMs: number }>;
export type Fits = (frame: RecordedFrame) => boolean;
export type Awaited = Readonly<{
  fits?: Fits;
  /** Only frames behind this place count. */
  after?: number;
  withinMs?: number;
  /** What did not come, for people. */
  what?: string;
}>;

export type Line = Readonly<{
  openedMs: number;
  frames: readonly RecordedFrame[];
  of(type: string): readonly RecordedFrame[];
  /** Fails where it does not come in time, or the line ends first. */
  next(type: string, o?: Awaited): Promise<RecordedFrame>;
  send(frame: object | string | Uint8Array): void;
  close(code: number, reason?: string): void;
  /** Ends without a close frame. */
  cut(): void;
  /** Nothing of the other side is read any more. */
  pause(): void;
  /** Resolves with whether a ping was answered. */
  pinged(withinMs: number): Promise<boolean>;
  readonly pings: number;
  readonly isOpen: boolean;
  readonly closed: Closed | undefined;
  /** Fails where it stays open. */
  end(o?: Readonly<{ withinMs?: number; what?: string }>): Promise<Closed>;
  /** What came within the time, the ignored types left out. */
  listen(ms: number, ignored?: readonly string[]): Promise<readonly RecordedFrame[]>;
}>;

export type LineOptions = Readonly<{
  watch: Watch;
  parse: (frame: string | Uint8Array) => wire.Frame<wire.AgentMessage | wire.OrchestratorMessage>;
  withinMs: number;
  onFrame?: (frame: RecordedFrame) => void;
}>;

export function openLine(socket: WebSocket, o: LineOptions): Line {
  const { watch } = o;
  const frames: RecordedFrame[] = [];
  let closed: Closed | undefined;
  let pings = 0;
  let pongs = 0;

  socket.on('error', () => undefined);
  socket.on('message', (data: RawData, isBinary: boolean) => {
    const arrival = {
      data: bytesOf(data),
      isText: !isBinary,
      place: watch.place(),
      atMs: watch.nowMs(),
    };
    const frame = recordFrame(o.parse, arrival);
    frames.push(frame);
    o.onFrame?.(frame);
    watch.tell();
  });
  socket.on('ping', () => {
    pings += 1;
    watch.tell();
  });
  socket.on('pong', () => {
    pongs += 1;
    watch.tell();
  });
  socket.on('close', (code, reason) => {
    closed = { code, reason: reason.toString('utf8'), atMs: watch.nowMs() };
    watch.tell();
  });

  const isOpen = (): boolean => closed === undefined && socket.readyState === socket.OPEN;
  const next: Line['next'] = async (
    type,
    { fits = () => true, after = 0, withinMs = o.withinMs, what } = {},
  ) => {
    const find = (): RecordedFrame | undefined =>
      frames.find((frame) => frame.type === type && frame.place > after && fits(frame));
    const found = await watch.until(
      () => find() ?? (closed === undefined ? undefined : 'closed'),
      withinMs,
    );
    if (found !== undefined && found !== 'closed') return found;
    const name = what ?? `\`${type}\``;
    if (found === undefined)
      return fail(`${name} did not come within ${withinMs} ms; ${seen(frames, after)}`);
    return fail(
      `the connection ended with ${closed?.code} before ${name} came; ${seen(frames, after)}`,
    );
  };

  return {
    openedMs: watch.nowMs(),
    frames,
    of: (type) => frames.filter((frame) => frame.type === type),
    next,
    send: (frame) => {
      if (!isOpen()) return;
      const isRaw = typeof frame === 'string' || frame instanceof Uint8Array;
      socket.send(isRaw ? frame : JSON.stringify(frame));
    },
    close: (code, reason) => socket.close(code, reason),
    cut: () => socket.terminate(),
    pause: () => socket.pause(),
    pinged: async (withinMs) => {
      const before = pongs;
      if (!isOpen()) return false;
      socket.ping();
      return (await watch.until(() => (pongs > before ? true : undefined), withinMs)) === true;
    },
    get pings() {
      return pings;
    },
    get isOpen() {
      return isOpen();
    },
    get closed() {
      return closed;
    },
    end: async ({ withinMs = o.withinMs, what = 'the end of the connection' } = {}) =>
      (await watch.until(() => closed, withinMs)) ??
      fail(`${what} did not come within ${withinMs} ms; ${seen(frames, 0)}`),
    listen: async (ms, ignored = []) => {
      const from = watch.last;
      await watch.until(() => closed, ms);
      return frames.filter(({ place, type }) => place > from && !ignored.includes(type));
    },
  };
}

const seenMax = 12;

function seen(frames: readonly RecordedFrame[], after: number): string {
  const types = frames.filter(({ place }) => place > after).map(({ type }) => type || '(no type)');
  if (types.length === 0) return 'nothing came';
  const left = types.length > seenMax ? `${types.length - seenMax} more, then ` : '';
  return `what came: ${left}${types.slice(-seenMax).join(', ')}`;
}

function bytesOf(data: RawData): Uint8Array {
  if (Array.isArray(data)) return Buffer.concat(data);
  return data instanceof ArrayBuffer ? new Uint8Array(data) : data;
}
