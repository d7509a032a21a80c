/** The floor: a plain `ws` server behind a plain HTTP server that answers the two frames of a registration and keeps nothing. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';
import { z } from 'zod';
import { frameText } from '../measure/frame-text.ts';
import { answerAs } from '../measure/role-process.ts';
import { memoryUse } from './memory-use.ts';

const Frame = z.object({ type: z.string(), agentId: z.string().optional() });

async function begin(): Promise<{ port: number }> {
  const server = createServer();
  const sockets = new WebSocketServer({ server, perMessageDeflate: false });
  sockets.on('connection', (socket) => {
    socket.on('error', () => socket.terminate());
    socket.on('message', (data) => {
      const { type, agentId } = Frame.parse(JSON.parse(frameText(data)));
      if (type === 'auth.request')
        socket.send(JSON.stringify({ type: 'auth.success', connectionId: 'bare' }));
      if (type === 'agent.register')
        socket.send(JSON.stringify({ type: 'register.ack', agentId, labels: [] }));
    });
  });
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 });
  await once(server, 'listening');
  const address = server.address();
  return { port: typeof address === 'object' && address !== null ? address.port : 0 };
}

answerAs({ begin, memory: () => memoryUse() });
