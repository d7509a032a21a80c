/**
 * The connection of an agent over plain `ws` that knows only the published protocol: signs in, registers with what it has in hand,
 * and comes back whenever its socket is gone, to the next of its addresses. Whatever it says of a job to an open socket, and
 * whatever it is told, stands in the diary.
 */
import { systemClock } from '@waybill/process';
import { WebSocket } from 'ws';
import { z } from 'zod';
import type { DiaryEntry } from './evidence.ts';
import type { WorkDiary } from './work-diary.ts';

export type SeedJob = Readonly<{ runId: string; jobId: string }>;

export type SeedConnectionOptions = Readonly<{
  /** Dialled in turn. */
  urls: readonly string[];
  token: string;
  agentId: string;
  labels: readonly string[];
  diary: WorkDiary;
  inFlight: () => readonly SeedJob[];
  /** Says every word about a job twice. */
  echoes: boolean;
  onDispatch: (job: SeedJob) => void;
  onCancel: (job: SeedJob) => void;
  onRegistered: () => void;
  onClosed: (code: number) => void;
}>;

export type SeedConnection = Readonly<{
  write(what: DiaryEntry['what'], job: SeedJob): void;
  /** Into the open socket, or nowhere. */
  send(frame: object): void;
  /** A frame about a job, with an id and a time. */
  say(type: string, job: SeedJob, more?: object): void;
  /** Resolves when it is registered, or stopped. */
  registered(): Promise<void>;
  terminate(): void;
  stop(): void;
}>;

const Dispatch = z.looseObject({
  type: z.enum(['job.dispatch', 'job.cancel']),
  runId: z.string(),
  jobId: z.string(),
});
const Typed = z.looseObject({ type: z.string() });

const backMs = 250;
const noJob: SeedJob = { runId: '', jobId: '' };

export function openSeedConnection(o: SeedConnectionOptions): SeedConnection {
  let socket: WebSocket | undefined;
  let registered = Promise.withResolvers<void>();
  let closed = Promise.withResolvers<void>();
  let isRegistered = false;
  let stopped = false;
  let frames = 0;
  let dials = 0;

  const write: SeedConnection['write'] = (what, { runId, jobId }) =>
    o.diary.write({
      agentId: o.agentId,
      kind: 'plain',
      what,
      runId,
      wireJobId: jobId,
      fence: null,
    });
  const isOpen = (): boolean => socket?.readyState === WebSocket.OPEN;
  const send = (frame: object): void => {
    if (!isOpen()) return;
    const text = JSON.stringify(frame);
    socket?.send(text);
    if (o.echoes) socket?.send(text);
  };
  const say: SeedConnection['say'] = (type, job, more = {}) => {
    frames += 1;
    const { runId, jobId } = job;
    if (isOpen()) write(type === 'job.ack' ? 'acked' : 'spoke', job);
    const messageId = `${o.agentId}-${frames}`;
    send({ type, messageId, runId, jobId, timestamp: systemClock.now(), ...more });
  };

  const onFrame = (text: string): void => {
    const frame: unknown = JSON.parse(text);
    const { success, data } = Dispatch.safeParse(frame);
    if (success) {
      const { type, runId, jobId } = data;
      write(type === 'job.dispatch' ? 'dispatched' : 'told', { runId, jobId });
      (type === 'job.dispatch' ? o.onDispatch : o.onCancel)({ runId, jobId });
    }
    const { type } = Typed.parse(frame);
    if (type === 'auth.success') register();
    if (type !== 'register.ack') return;
    isRegistered = true;
    registered.resolve();
    o.onRegistered();
  };
  const register = (): void => {
    const { agentId, labels } = o;
    const jobs = o.inFlight();
    for (const job of jobs) write('spoke', job);
    // Once, also of those who echo: a second one ends the socket.
    socket?.send(
      JSON.stringify({
        type: 'agent.register',
        messageId: `register-${agentId}`,
        agentId,
        labels,
        ...(jobs.length === 0 ? {} : { inFlightJobs: jobs }),
      }),
    );
  };
  const dial = (): void => {
    if (stopped) return;
    const ws = new WebSocket(o.urls[dials % o.urls.length] ?? '');
    dials += 1;
    socket = ws;
    closed = Promise.withResolvers<void>();
    ws.on('open', () =>
      ws.send(JSON.stringify({ type: 'auth.request', token: o.token, protocolVersion: 1 })),
    );
    // `nodebuffer`, the binary type that ws begins with, gives one Buffer.
    ws.on('message', (data) => {
      if (Buffer.isBuffer(data)) onFrame(data.toString('utf8'));
    });
    ws.on('error', () => undefined);
    ws.on('close', (code) => {
      o.onClosed(code);
      if (!stopped) write('closed', noJob);
      if (isRegistered) registered = Promise.withResolvers<void>();
      isRegistered = false;
      closed.resolve();
      systemClock.after(backMs, dial, { background: true });
    });
  };
  dial();

  const whenRegistered = async (): Promise<void> => {
    if (!stopped) await registered.promise;
    if (stopped || (isRegistered && isOpen())) return;
    // It has gone again before this went on, or is about to: a socket that is closing takes no word any more.
    if (isRegistered) await closed.promise;
    await whenRegistered();
  };
  return {
    write,
    send,
    say,
    registered: whenRegistered,
    terminate: () => socket?.terminate(),
    stop: () => {
      stopped = true;
      registered.resolve();
      closed.resolve();
      socket?.close(1000);
    },
  };
}
