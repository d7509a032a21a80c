/** Stands between agents and a gateway and changes what one fault changes, so that a good server looks like a broken one. */
import { once } from 'node:events';
import { type RawData, WebSocket, WebSocketServer } from 'ws';

export type ProxiedFrame = Readonly<Record<string, unknown>>;
export type Tampering = Readonly<{
  /** What an agent gets for a frame of the server. */
  toAgent?: (
    frame: ProxiedFrame,
    line: ProxiedLine,
  ) => readonly ProxiedFrame[] | Promise<readonly ProxiedFrame[]>;
  /** What the server gets for a frame of an agent. */
  toServer?: (frame: ProxiedFrame, line: ProxiedLine) => readonly ProxiedFrame[];
  closeCode?: (code: number) => number;
}>;
/** What has come of the agent so far, by type. */
export type ProxiedLine = Readonly<{ came: Set<string>; tellAgent(frame: ProxiedFrame): void }>;
export type Proxy = Readonly<{ url: string; stop(): void }>;

const reserved = new Set([1005, 1006]);

export async function tamperingProxy(target: string, tampering: Tampering): Promise<Proxy> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  await once(server, 'listening');
  server.on('connection', (agent) => join(agent, target, tampering));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `ws://127.0.0.1:${port}/ws`,
    stop: () => {
      for (const client of server.clients) client.terminate();
      server.close();
    },
  };
}

function join(agent: WebSocket, target: string, { toAgent, toServer, closeCode }: Tampering): void {
  const upstream = new WebSocket(target, { perMessageDeflate: false });
  const opened = once(upstream, 'open');
  const came = new Set<string>();
  const line: ProxiedLine = { came, tellAgent: (frame) => agent.send(JSON.stringify(frame)) };
  // One after the other, so that what is changed stays in its place.
  let up: Promise<unknown> = opened;
  let down: Promise<unknown> = Promise.resolve();
  agent.on('message', (data, isBinary) => {
    up = up.then(() => {
      const frame = isBinary ? undefined : read(data);
      const frames = frame === undefined ? undefined : toServer?.(frame, line);
      if (frame !== undefined) came.add(String(frame['type']));
      if (frames === undefined) upstream.send(data, { binary: isBinary });
      else for (const each of frames) upstream.send(JSON.stringify(each));
    });
  });
  upstream.on('message', (data) => {
    down = down.then(async () => {
      const frame = read(data);
      const frames = frame === undefined ? undefined : await toAgent?.(frame, line);
      if (frames === undefined) agent.send(textOf(data));
      else for (const each of frames) agent.send(JSON.stringify(each));
    });
  });
  upstream.on('close', (code, reason) => {
    void down.then(() => {
      const told = closeCode?.(code) ?? code;
      if (reserved.has(told)) agent.terminate();
      else agent.close(told, reason.toString());
    });
  });
  agent.on(
    'close',
    () =>
      void up.then(
        () => upstream.terminate(),
        () => undefined,
      ),
  );
  upstream.on('error', () => agent.terminate());
  agent.on('error', () => upstream.terminate());
}

function read(data: RawData): ProxiedFrame | undefined {
  try {
    const value: unknown = JSON.parse(textOf(data));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? { ...value }
      : undefined;
  } catch {
    return undefined;
  }
}

/** `nodebuffer`, the binary type that ws begins with, gives one Buffer. */
const textOf = (data: RawData): string => (Buffer.isBuffer(data) ? data.toString('utf8') : '');
