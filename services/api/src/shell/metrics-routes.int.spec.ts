import { afterAll, beforeAll, expect, it } from 'vitest';
import { ORG, type RunningApi, startApi } from './running-api.fixture.ts';

let api: RunningApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.stop());

it('tells how much log the organisation has streamed, in the text that Prometheus reads', async () => {
  const answer = await api.call('/metrics');
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toContain('text/plain; version=0.0.4');
  expect(await answer.text()).toContain(`waybill_org_log_bytes{org="${ORG}"} 0`);
});

it('tells nothing without the key', async () => {
  const answer = await api.call('/metrics', { headers: { authorization: 'Bearer no' } });
  expect(answer.status).toBe(401);
});
