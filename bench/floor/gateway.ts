/** The floor's gateway: requests out of the log to the agents' sockets, the agents' frames into the log. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { jetstream } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import { frameText } from '../measure/frame-text.ts';
import { type Frame, followUp, type RunEvent, streamName, subjectOf } from './event.ts';
import { publisherOf } from './publisher.ts';

export const gatewayConsumer = 'gateway';
const messagesMax = 500;

/** The port that agents dial. */
export async function openGateway(nc: NatsConnection): Promise<number> {
  const publish = publisherOf(nc);
  const agents = new Map<string, WebSocket>();
  let count = 0;
  const store = (event: RunEvent, stored?: () => void): void =>
    publish(subjectOf(event.type, event.runId), JSON.stringify(event), stored);

  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  server.on('connection', (socket, request) => {
    agents.set(request.url?.slice(1) ?? '', socket);
    socket.on('message', (data: RawData) => {
      // Written by the floor's own agents: it validates nothing, that is what makes it the floor.
      const frame = JSON.parse(frameText(data)) as Frame;
      store(followUp(count++, frame.type, frame));
    });
  });
  await once(server, 'listening');

  const consumer = await jetstream(nc).consumers.get(streamName, gatewayConsumer);
  await consumer.consume({
    max_messages: messagesMax,
    callback: (message) => {
      const { v: _, id: __, ...frame } = message.json<RunEvent>();
      agents.get(frame.agentId)?.send(JSON.stringify(frame));
      store(followUp(count++, 'dispatched', { ...frame, data: { via: 'floor' } }), () =>
        message.ack(),
      );
    },
  });
  // The server listens on a TCP port, hence its address is one.
  return (server.address() as AddressInfo).port;
}
