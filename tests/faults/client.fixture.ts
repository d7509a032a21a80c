/**
 * Clients that insist: webhooks and direct runs, sent again until they are answered 2xx, as a producer does that was told
 * nothing. Every answer, and every one that did not come, is in the ledger. Each direct run has a canary for a secret.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { systemClock } from '@waybill/process';
import { eventually } from '@waybill/process/testing';
import { triggerId } from '@waybill/protocol';
import { z } from 'zod';
import type { LedgerEntry } from '../support/evidence.ts';
import type { Random } from './random.fixture.ts';

export type Credentials = Readonly<{
  org: string;
  apiKey: string;
  agentToken: string;
  webhookSecret: string;
}>;

type Answer = Readonly<{ status: number; body: unknown }>;
type Sending = Readonly<{
  org: string;
  triggerId: string;
  path: string;
  headers: Readonly<Record<string, string>>;
  body: string;
  read: (body: unknown) => LedgerEntry['told'];
}>;

export type Client = Readonly<{
  ledger: readonly LedgerEntry[];
  canaries: readonly string[];
  /** Requests that are not answered yet. */
  open(): number;
  call(path: string, init: RequestInit): Promise<Answer | undefined>;
  deliver(event?: string): Promise<void>;
  ask(jobs: readonly object[]): Promise<void>;
  applyRule(): Promise<void>;
  /** Once it was taken. */
  cancel(runId: string): Promise<void>;
  stop(): void;
}>;

const HookAnswer = z.looseObject({
  triggerId: z.string(),
  decision: z.string().nullable(),
  runs: z.array(z.looseObject({ runId: z.string() })),
});
const RunAnswer = z.looseObject({ runId: z.string(), triggerId: z.string() });
const json = { 'content-type': 'application/json' };
const answerMs = 5_000;
const againMs = 250;

const rule = {
  apiVersion: 'waybill/v1',
  kind: 'Rule',
  metadata: { name: 'ci' },
  spec: {
    on: { source: 'github', event: 'push' },
    jobs: [
      { name: 'build', steps: [{ name: 'work', run: 'true' }] },
      { name: 'test', needs: ['build'], steps: [{ name: 'work', run: 'true' }] },
    ],
  },
};

export function openClient(url: string, credentials: () => Promise<Credentials>): Client {
  const ledger: LedgerEntry[] = [];
  const canaries: string[] = [];
  const stopping = new AbortController();
  let open = 0;
  let count = 0;

  const call: Client['call'] = async (path, init) => {
    try {
      const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(answerMs)]);
      const answer = await fetch(`${url}${path}`, { ...init, signal });
      const text = await answer.text();
      return { status: answer.status, body: text === '' ? null : JSON.parse(text) };
    } catch {
      return undefined;
    }
  };
  const insist = async ({ org, triggerId, path, headers, body, read }: Sending): Promise<void> => {
    open += 1;
    while (!stopping.signal.aborted) {
      const answer = await call(path, { method: 'POST', headers, body });
      const good = answer !== undefined && answer.status >= 200 && answer.status < 300;
      const told = good ? read(answer.body) : null;
      ledger.push({ org, triggerId, status: answer?.status ?? null, told });
      if (good) break;
      await systemClock.sleep(againMs, stopping.signal).catch(() => undefined);
    }
    open -= 1;
  };

  return {
    ledger,
    canaries,
    open: () => open,
    call,
    deliver: async (event = 'push') => {
      count += 1;
      const { org, webhookSecret } = await credentials();
      const delivery = `delivery-${count}`;
      const body = JSON.stringify({ ref: 'refs/heads/main', number: count });
      const mac = createHmac('sha256', webhookSecret).update(body).digest('hex');
      void insist({
        org,
        triggerId: triggerId(org, 'github', delivery),
        path: `/hooks/${org}/github`,
        headers: {
          ...json,
          'x-github-event': event,
          'x-github-delivery': delivery,
          'x-hub-signature-256': `sha256=${mac}`,
        },
        body,
        read: (answer) => {
          const { triggerId, decision, runs } = HookAnswer.parse(answer);
          return { triggerId, decision, runIds: runs.map(({ runId }) => runId) };
        },
      });
    },
    ask: async (jobs) => {
      count += 1;
      const { org, apiKey } = await credentials();
      const canary = `canary-${randomBytes(12).toString('hex')}/+="é`;
      canaries.push(canary);
      const key = `ask-${count}`;
      void insist({
        org,
        triggerId: triggerId(org, 'api', `key:${key}`),
        path: `/v1/orgs/${org}/runs`,
        headers: { ...json, authorization: `Bearer ${apiKey}`, 'idempotency-key': key },
        body: JSON.stringify({ jobs, secrets: { TOKEN: canary }, input: { number: count } }),
        read: (answer) => {
          const { triggerId, runId } = RunAnswer.parse(answer);
          return { triggerId, decision: null, runIds: [runId] };
        },
      });
    },
    applyRule: async () => {
      const { org, apiKey } = await credentials();
      const headers = { ...json, authorization: `Bearer ${apiKey}` };
      const init = { method: 'PUT', headers, body: JSON.stringify(rule) };
      const answer = await call(`/v1/orgs/${org}/rules/ci`, init);
      if (answer === undefined || answer.status >= 300)
        throw new Error(`the rule was not taken: ${JSON.stringify(answer)}`);
    },
    cancel: async (runId) => {
      const { org, apiKey } = await credentials();
      const headers = { authorization: `Bearer ${apiKey}`, 'idempotency-key': runId };
      const path = `/v1/orgs/${org}/runs/${runId}/cancel`;
      await eventually(
        async () => {
          const answer = await call(path, { method: 'POST', headers });
          return answer !== undefined && answer.status < 300;
        },
        { withinMs: 20_000, everyMs: againMs, what: `run ${runId} is cancelled` },
      );
    },
    stop: () => stopping.abort(new Error('the test is over')),
  };
}

const steps = [{ name: 'work', run: 'true' }];

export const oneJobOn = (label: string): readonly object[] => [
  { name: 'one', runsOn: [label], steps },
];

/** Shapes of runs that are asked for directly. */
const shapes: readonly (readonly object[])[] = [
  oneJobOn('any'),
  [
    { name: 'top', runsOn: ['any'], steps },
    { name: 'left', needs: ['top'], steps },
    { name: 'right', needs: [{ job: 'top', on: ['success', 'failed'] }], steps },
    { name: 'bottom', needs: ['left', 'right'], steps },
  ],
  [
    { name: 'first', runsOn: ['sdk'], steps },
    { name: 'second', runsOn: ['sdk'], needs: ['first'], steps },
  ],
];

/** Webhooks that a rule wants, some that none wants, and runs asked for directly, in a mixed order. */
export async function drive(client: Client, number: number, random: Random): Promise<void> {
  for (let sent = 0; sent < number; sent += 1) {
    const dice = random();
    if (dice < 0.45) await client.deliver();
    else if (dice < 0.5) await client.deliver('issues');
    else await client.ask(shapes[Math.floor(random() * shapes.length)] ?? []);
  }
}
