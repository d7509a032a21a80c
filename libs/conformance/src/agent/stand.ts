/**
 * The orchestrator that an agent is tried at: listens where the agent dials, answers as its manner says and nothing else,
 * and keeps every connection with every frame, in one order over all of them.
 */
import { once } from 'node:events';
import { wire } from '@waybill/protocol';
import { type WebSocket, WebSocketServer } from 'ws';
import { type Line, openLine } from '../line.ts';
import type { RecordedFrame } from '../recorded-frame.ts';
import type { Watch } from '../watch.ts';
import { answersTo, type Manner } from './manner.ts';

export type Visit = Readonly<{
  /** From 1. */
  no: number;
  line: Line;
  /** It has got its `register.ack`. */
  readonly isRegistered: boolean;
  /** What its `register.ack` announced. */
  readonly announced: Manner['extensions'];
}>;

export type Stand = Readonly<{
  url: string;
  visits: readonly Visit[];
  manner: Manner;
  behave(change: Partial<Manner>): void;
  send(frame: wire.OrchestratorMessage): void;
  stop(): Promise<void>;
}>;

export type StandOptions = Readonly<{ url: URL; watch: Watch; manner: Manner; withinMs: number }>;

export async function openStand(o: StandOptions): Promise<Stand> {
  const visits: Visit[] = [];
  let manner = o.manner;
  const server = new WebSocketServer({
    host: o.url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(o.url.port || 80),
    maxPayload: wire.wireLimits.frameBytesMax,
    // As servers do that let it be offered; agents that exist offer it.
    perMessageDeflate: false,
  });
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;

  server.on('connection', (socket: WebSocket) => {
    let isRegistered = false;
    let announced: Manner['extensions'];
    const send = (frame: wire.OrchestratorMessage): void => socket.send(JSON.stringify(frame));
    const line = openLine(socket, {
      watch: o.watch,
      parse: wire.parseAgentFrame,
      withinMs: o.withinMs,
      onFrame: (frame) => {
        for (const answer of answersTo(frame, manner)) send(answer);
        if (frame.type === 'auth.request' && manner.auth === 'refuse')
          socket.close(wire.wireCloseCodes.authFailed.code, 'refused');
        if (frame.type !== 'agent.register' || manner.register !== 'ack') return;
        isRegistered = true;
        announced = manner.extensions;
      },
    });
    visits.push({
      no: visits.length + 1,
      line,
      get isRegistered() {
        return isRegistered;
      },
      get announced() {
        return announced;
      },
    });
    if (manner.onOpen === 'close')
      socket.close(wire.wireCloseCodes.goingAway.code, 'come back later');
    o.watch.tell();
  });

  return {
    url: `ws://${o.url.hostname}:${port}${o.url.pathname}`,
    visits,
    get manner() {
      return manner;
    },
    behave: (change) => {
      manner = { ...manner, ...change };
    },
    send: (frame) => visits.at(-1)?.line.send(frame),
    stop: async () => {
      for (const client of server.clients) client.terminate();
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      await closed.promise;
    },
  };
}

/** Whether the frame is about this job. */
export const isAbout = (frame: RecordedFrame, jobId: string): boolean =>
  frame.fields['jobId'] === jobId;
