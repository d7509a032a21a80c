import { createRequire } from 'node:module';
import { readTriggerMessage } from '@waybill/protocol';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { answered, type RunningApi, startApi } from './running-api.fixture.ts';

// Its types claim a default export; at run time the list is the module.
const definitions = createRequire(import.meta.url)(
  '@octokit/webhooks-examples',
) as readonly Readonly<{ name: string; examples: readonly unknown[] }>[];

let api: RunningApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.stop());

const payloads = definitions.flatMap(({ name, examples }) =>
  examples.map((example, index) => ({
    name,
    id: `${name}-${index}`,
    body: JSON.stringify(example, null, 2),
  })),
);

it('every real GitHub payload is accepted, stored once as it came, and a repeat answers with the original', async () => {
  expect(payloads).toHaveLength(329);
  const send = ({ name, id, body }: (typeof payloads)[number]) =>
    api.hook('github', body, { 'x-github-event': name, 'x-github-delivery': id });
  const firsts = new Map<string, unknown>();
  for (const payload of payloads) {
    const answer = await send(payload);
    expect(answer.status, payload.id).toBe(202);
    const body = await answered(answer);
    expect(body).toMatchObject({ duplicate: false, decision: null, runs: [] });
    firsts.set(payload.id, body);
  }
  for (const payload of payloads) {
    const again = await answered(send(payload));
    expect(again, payload.id).toEqual({ ...Object(firsts.get(payload.id)), duplicate: true });
  }
  const messages = await api.journal.load('WB_TRIGGERS', 'wb.v1.trigger.>');
  const bodies = new Map(messages.map((message) => [message.header('wb-delivery'), message]));
  expect(messages).toHaveLength(329);
  for (const { id, name, body } of payloads) {
    const message = bodies.get(id);
    expect(new TextDecoder().decode(message?.body)).toBe(body);
    expect(message === undefined ? undefined : readTriggerMessage(message)).toMatchObject({
      type: 'trigger.received',
      event: name,
    });
  }
}, 60_000);
