/** A socket of an agent, for proofs: it says what a test says, keeps what comes, and holds every frame that comes against the protocol. */
import { once } from 'node:events';
import { eventually } from '@waybill/process/testing';
import { wire } from '@waybill/protocol';
import { WebSocket } from 'ws';

export type Frame = Readonly<Record<string, unknown>> & Readonly<{ type: string }>;

export type Peer = Readonly<{
  frames: readonly Frame[];
  send(frame: object | string | Buffer): void;
  /** The first frame of that type that no earlier call returned. */
  next(type: string): Promise<Frame>;
  closed: Promise<number>;
  close(): void;
}>;

export async function connect(url: string): Promise<Peer> {
  const ws = new WebSocket(url);
  const frames: Frame[] = [];
  const returned = new Set<Frame>();
  const closed = Promise.withResolvers<number>();
  ws.on('close', (code) => closed.resolve(code));
  ws.on('error', () => undefined);
  ws.on('message', (data: Buffer) => {
    const parsed = wire.parseOrchestratorFrame(data);
    if (!parsed.ok) throw new Error(`a frame that the protocol does not allow: ${data.toString()}`);
    frames.push(parsed.message);
  });
  await once(ws, 'open');
  return {
    frames,
    send: (frame) =>
      ws.send(typeof frame === 'string' || Buffer.isBuffer(frame) ? frame : JSON.stringify(frame)),
    next: async (type) => {
      const isNew = (frame: Frame): boolean => frame.type === type && !returned.has(frame);
      const frame = await eventually(() => frames.find(isNew), {
        withinMs: 20_000,
        what: `a frame ${type} (there are: ${frames.map((each) => each.type).join(', ')})`,
      });
      returned.add(frame);
      return frame;
    },
    closed: closed.promise,
    close: () => ws.terminate(),
  };
}
