/** The floor's agents in one process: each dispatch is answered at once with four frames. */
import { once } from 'node:events';
import { type RawData, WebSocket } from 'ws';
import { z } from 'zod';
import { frameText } from '../measure/frame-text.ts';
import { agentCount, type Seen } from '../measure/load.ts';
import { nowMs } from '../measure/monotonic.ts';
import { answerAs } from '../measure/role-process.ts';
import { answers, type Frame } from './event.ts';

const Begin = z.object({ agentsUrl: z.string() });

const runs = new Set<string>();
let latenciesMs: number[] = [];
let repeated = 0;

function onDispatch(socket: WebSocket, data: RawData): void {
  // Written by the floor's own service, which validates nothing either.
  const dispatch = JSON.parse(frameText(data)) as Frame;
  latenciesMs.push(nowMs() - dispatch.sentAtMs);
  if (runs.has(dispatch.runId)) repeated += 1;
  runs.add(dispatch.runId);
  for (const type of answers) socket.send(JSON.stringify({ ...dispatch, type }));
}

async function connectAgent(agentsUrl: string, index: number): Promise<void> {
  const socket = new WebSocket(`${agentsUrl}/agent-${index}`, { perMessageDeflate: false });
  socket.on('message', (data) => onDispatch(socket, data));
  await once(socket, 'open');
}

answerAs({
  begin: async (body) => {
    const { agentsUrl } = Begin.parse(body);
    await Promise.all(
      Array.from({ length: agentCount }, (_, index) => connectAgent(agentsUrl, index)),
    );
  },
  seen: (): Seen => {
    const seen = { latenciesMs, repeated };
    latenciesMs = [];
    repeated = 0;
    return seen;
  },
});
