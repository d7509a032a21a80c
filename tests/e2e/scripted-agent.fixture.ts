/**
 * Agents of the published protocol that do what the config of each job says: emit events, report a step, fail. Everything that they
 * were answered is kept.
 */
import { WebSocket } from 'ws';
import { z } from 'zod';

const Emit = z.looseObject({
  eventName: z.string(),
  payload: z.record(z.string(), z.unknown()),
  target: z.looseObject({}).optional(),
});
const Script = z.looseObject({
  emits: z.array(Emit).optional(),
  secretsAccessed: z.array(z.string()).optional(),
  fails: z.string().optional(),
});
const Dispatch = z.looseObject({ runId: z.string(), jobId: z.string(), jobConfig: Script });
const Receipt = z.looseObject({
  requestId: z.string(),
  deliveryId: z.string().optional(),
  error: z.string().optional(),
});
export type Receipt = z.infer<typeof Receipt> & Readonly<{ runId: string }>;

export type ScriptedAgent = Readonly<{ receipts: readonly Receipt[]; close(): Promise<void> }>;

type Options = Readonly<{ url: string; token: string; agentId: string; maxConcurrency?: number }>;

export async function scriptedAgent({
  url,
  token,
  agentId,
  maxConcurrency = 10,
}: Options): Promise<ScriptedAgent> {
  const ws = new WebSocket(`${url.replace('http', 'ws')}/ws`);
  const receipts: Receipt[] = [];
  const asked = new Map<string, (receipt: z.infer<typeof Receipt>) => void>();
  const registered = Promise.withResolvers<void>();
  let messages = 0;
  const send = (frame: object): void => ws.send(JSON.stringify(frame));
  const envelope = () => ({ messageId: `${agentId}-${++messages}`, timestamp: 1 });

  const emit = async (jobId: string, runId: string, each: z.infer<typeof Emit>): Promise<void> => {
    const requestId = `emit-${++messages}`;
    const answer = Promise.withResolvers<z.infer<typeof Receipt>>();
    asked.set(requestId, answer.resolve);
    send({ type: 'event.emit', jobId, requestId, ...each });
    receipts.push({ ...(await answer.promise), runId });
  };
  const work = async ({ runId, jobId, jobConfig }: z.infer<typeof Dispatch>): Promise<void> => {
    const { emits = [], secretsAccessed, fails } = jobConfig;
    const job = { runId, jobId };
    const step = { type: 'step.status', ...job, stepIndex: 0, stepName: 'works' };
    send({ type: 'job.ack', ...envelope(), ...job });
    send({ type: 'job.status', ...envelope(), ...job, state: 'running' });
    send({ ...step, ...envelope(), state: 'running' });
    for (const each of emits) await emit(jobId, runId, each);
    const state = fails === undefined ? 'success' : 'failed';
    const said = { data: { exitCode: fails === undefined ? 0 : 1 } };
    send({ ...step, ...envelope(), state, ...said, ...(secretsAccessed && { secretsAccessed }) });
    const data = fails === undefined ? {} : { data: { error: fails } };
    send({ type: 'job.status', ...envelope(), ...job, state, ...data });
  };
  ws.on('message', (raw: Buffer) => {
    const frame = z.looseObject({ type: z.string() }).parse(JSON.parse(raw.toString()));
    if (frame.type === 'auth.success')
      send({
        type: 'agent.register',
        ...envelope(),
        agentId,
        labels: ['scripted'],
        maxConcurrency,
      });
    if (frame.type === 'register.ack') registered.resolve();
    if (frame.type === 'job.dispatch') void work(Dispatch.parse(frame));
    if (frame.type === 'event.emit.response') {
      const receipt = Receipt.parse(frame);
      asked.get(receipt.requestId)?.(receipt);
    }
  });
  ws.on('error', registered.reject);
  ws.on('open', () => send({ type: 'auth.request', token, protocolVersion: 1 }));
  await registered.promise;
  return {
    receipts,
    close: () => {
      const closed = Promise.withResolvers<void>();
      ws.once('close', () => closed.resolve());
      ws.close();
      return closed.promise;
    },
  };
}
