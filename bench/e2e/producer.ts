/** Asks for runs over HTTP, on connections that are kept, a window of requests on their way. */
import { Agent, type IncomingMessage, request } from 'node:http';
import { z } from 'zod';
import { Load, padding } from '../measure/load.ts';
import { nowMs } from '../measure/monotonic.ts';
import { produce } from '../measure/pacing.ts';
import { answerAs } from '../measure/role-process.ts';

const Begin = z.object({ url: z.string(), apiKey: z.string() });
type Begin = z.infer<typeof Begin>;

const window = 64;
const connections = new Agent({ keepAlive: true });
let target: Begin | undefined;
let number = 0;

/** The instant is in the run's input, which reaches the agent as it stands. */
const runRequest = (of: number, sentAtMs: number): string =>
  JSON.stringify({
    jobs: [{ name: 'job', runsOn: ['bench'], steps: [{ name: 'step 1', run: 'true' }] }],
    workflow: 'bench',
    input: { number: of, sentAtMs, note: padding },
  });

async function send({ url, apiKey }: Begin): Promise<void> {
  const body = runRequest(number++, nowMs());
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const headers = {
    authorization: `Bearer ${apiKey}`,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  };
  request(`${url}/v1/orgs/main/runs`, { method: 'POST', agent: connections, headers }, resolve)
    .once('error', reject)
    .end(body);
  const answer = await promise;
  let text = '';
  for await (const chunk of answer.setEncoding('utf8')) text += String(chunk);
  if (answer.statusCode !== 201)
    throw new Error(`a run was answered ${answer.statusCode}: ${text}`);
}

answerAs({
  begin: (body) => {
    target = Begin.parse(body);
  },
  produce: async (body) => {
    const to = target;
    if (to === undefined) throw new Error('"begin" comes first');
    return produce(Load.parse(body), window, () => send(to));
  },
});
