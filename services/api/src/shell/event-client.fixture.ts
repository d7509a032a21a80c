/** A client of server-sent events, for specs: opens a stream, waits for events, goes away. */
import { expect } from 'vitest';
import { ORG, type RunningApi } from './running-api.fixture.ts';

export type Heard = Readonly<{
  id: string | undefined;
  event: string | undefined;
  data: Readonly<Record<string, unknown>>;
}>;
export type EventClient = Readonly<{
  status: number;
  heard: readonly Heard[];
  comments: readonly string[];
  until(count: number): Promise<readonly Heard[]>;
  ended: Promise<void>;
  leave(): void;
}>;

export async function listen(
  api: RunningApi,
  path: string,
  headers: Record<string, string> = {},
): Promise<EventClient> {
  const abort = new AbortController();
  const response = await api.call(`/v1/orgs/${ORG}${path}`, {
    signal: abort.signal,
    headers: { accept: 'text/event-stream', ...headers },
  });
  const heard: Heard[] = [];
  const comments: string[] = [];
  const ended =
    response.status === 200
      ? drain(response, heard, comments).catch(() => undefined)
      : Promise.resolve();
  return {
    status: response.status,
    heard,
    comments,
    until: async (count) => {
      await expect
        .poll(() => heard.length, { timeout: 10_000, interval: 10 })
        .toBeGreaterThanOrEqual(count);
      return heard;
    },
    ended,
    leave: () => abort.abort(),
  };
}

async function drain(response: Response, heard: Heard[], comments: string[]): Promise<void> {
  if (response.body === null) return;
  const decoder = new TextDecoder();
  let rest = '';
  const body: AsyncIterable<Uint8Array> = response.body;
  for await (const chunk of body) {
    const blocks = (rest + decoder.decode(chunk, { stream: true })).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const field = (name: string): string | undefined =>
        new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
      const data = field('data');
      if (data === undefined) comments.push(block);
      // What was sent is JSON of an object; a spec checks it.
      else
        heard.push({
          id: field('id'),
          event: field('event'),
          data: JSON.parse(data) as Heard['data'],
        });
    }
  }
}
