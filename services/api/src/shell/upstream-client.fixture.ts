/** A dashboard on the upstream feed, for specs: it keeps what it hears, checked against the protocol. */
import { eventually } from '@waybill/process/testing';
import { wire } from '@waybill/protocol';
import { WebSocket } from 'ws';

export type Dashboard = Readonly<{
  ws: WebSocket;
  heard: readonly wire.UpstreamMessage[];
  replays(): readonly wire.StateReplay[];
  until(count: number): Promise<readonly wire.UpstreamMessage[]>;
  closed: Promise<Readonly<{ code: number; reason: string }>>;
}>;

export type DashboardOptions = Readonly<{ apiKey?: string; autoPong?: boolean; query?: string }>;

/** Not yet open: a refusal is its `closed`, with the status for a code. */
export function dashboard(
  url: string,
  path: string,
  { apiKey, autoPong = true, query = '' }: DashboardOptions,
): Dashboard {
  const headers = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
  const address = `${url.replace('http', 'ws')}${path}${query}`;
  const ws = new WebSocket(address, { headers, autoPong });
  const heard: wire.UpstreamMessage[] = [];
  const closed = Promise.withResolvers<Readonly<{ code: number; reason: string }>>();
  ws.on('message', (data: Buffer) => {
    const frame = wire.parseUpstreamFrame(data);
    if (!frame.ok) throw new Error(`not a message of the protocol: ${JSON.stringify(frame)}`);
    heard.push(frame.message);
  });
  ws.on('unexpected-response', (_request, response) => {
    closed.resolve({ code: response.statusCode ?? 0, reason: '' });
    response.resume();
    ws.terminate();
  });
  ws.on('error', () => undefined);
  ws.on('close', (code, reason) => closed.resolve({ code, reason: reason.toString() }));
  return {
    ws,
    heard,
    replays: () => heard.filter((each) => each.type === 'state.replay'),
    until: (count) =>
      eventually(() => (heard.length >= count ? heard : undefined), { what: `${count} messages` }),
    closed: closed.promise,
  };
}
