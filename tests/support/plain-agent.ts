/** An agent over plain `ws` for tests: it knows the published protocol and does exactly what the test says. */
import { eventually } from '@waybill/process/testing';
import { WebSocket } from 'ws';

export type Frame = Readonly<Record<string, unknown>> & Readonly<{ type: string }>;
export type PlainAgent = Readonly<{
  /** Everything that came, in its order. */
  frames: readonly Frame[];
  send(frame: object | string | Buffer): void;
  /** The first frame of that type that no earlier call returned. */
  next(type: string): Promise<Frame>;
  count(type: string): number;
  closed: Promise<Readonly<{ code: number; reason: string }>>;
  close(code?: number): void;
  /** Ends without a close frame, as a process that is killed. */
  drop(): void;
  /** No frame of the other side is read, none of its pings answered. */
  freeze(): void;
  /** Bytes that the other side, and the system between, have not taken yet. */
  unsent(): number;
  /** Pings that came, and resolves when the other side has read everything that was sent. */
  pings(): number;
  roundTrip(): Promise<void>;
}>;

const asFrame = (data: unknown): Frame => JSON.parse(String(data)) as Frame; // what the gateway sends has a type

/** `autoPong`: as its library does unless it is told otherwise. */
export async function connectAgent(
  url: string,
  o: Readonly<{ autoPong?: boolean; localAddress?: string }> = {},
): Promise<PlainAgent> {
  const ws = new WebSocket(url, o);
  const frames: Frame[] = [];
  const taken = new Set<Frame>();
  const closed = new Promise<Readonly<{ code: number; reason: string }>>((resolve) => {
    ws.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
  });
  ws.on('message', (data) => {
    frames.push(asFrame(data));
  });
  ws.on('error', () => undefined);
  let pings = 0;
  ws.on('ping', () => {
    pings += 1;
  });
  await new Promise((resolve, reject) => {
    ws.once('open', resolve);
    ws.once('error', reject);
  });
  return {
    frames,
    send: (frame) =>
      ws.send(typeof frame === 'string' || Buffer.isBuffer(frame) ? frame : JSON.stringify(frame)),
    next: async (type) => {
      const found = await eventually(
        () => frames.find((frame) => frame.type === type && !taken.has(frame)),
        {
          what: `a frame ${type} (there are: ${frames.map((frame) => frame.type).join(', ')})`,
        },
      );
      taken.add(found);
      return found;
    },
    count: (type) => frames.filter((frame) => frame.type === type).length,
    closed,
    close: (code) => ws.close(code ?? 1000),
    drop: () => ws.terminate(),
    freeze: () => ws.pause(),
    unsent: () => ws.bufferedAmount,
    pings: () => pings,
    roundTrip: () =>
      new Promise((resolve) => {
        ws.once('pong', () => resolve());
        ws.ping();
      }),
  };
}

export type RegisterOptions = Readonly<{
  agentId: string;
  token?: string;
  inFlightJobs?: readonly Readonly<{ jobId: string; runId: string }>[];
  /** Sent between `auth.success` and `agent.register`. */
  early?: readonly object[];
  extended?: boolean;
  /** It waits for approvals over a reconnect. */
  approvals?: boolean;
  autoPong?: boolean;
  /** What it says of its host. */
  host?: Readonly<{ platform: string; arch: string }>;
}>;

const extensions = { fence: true, granted: true, heartbeatAck: true, terminalAck: true };

/** Connects, signs in and registers. */
export async function registerAgent(url: string, o: RegisterOptions): Promise<PlainAgent> {
  const agent = await connectAgent(url, { autoPong: o.autoPong ?? true });
  agent.send({ type: 'auth.request', token: o.token ?? TOKEN, protocolVersion: 1 });
  await agent.next('auth.success');
  for (const frame of o.early ?? []) agent.send(frame);
  agent.send({
    type: 'agent.register',
    messageId: `register-${o.agentId}`,
    agentId: o.agentId,
    labels: ['linux'],
    ...o.host,
    ...(o.inFlightJobs === undefined ? {} : { inFlightJobs: o.inFlightJobs }),
    ...(o.extended === true
      ? { extensions: o.approvals === true ? { ...extensions, approvals: true } : extensions }
      : {}),
  });
  await agent.next('register.ack');
  return agent;
}

export const TOKEN = 'kat_0123456789abcdef';
/** Of agents that a scaler made. */
export const SCALER_TOKEN = 'kat_fedcba9876543210';
