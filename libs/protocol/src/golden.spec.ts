/**
 * Histories as they lie in logs that were written once and are never rewritten. Each is folded again on every commit: whoever
 * changes what an old log means sees it here. A golden log is added, never edited.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { evolveRun, initialRun } from './run.ts';
import { readRunMessage } from './run-message.ts';
import { runView } from './run-view.ts';
import { stored } from './stored.fixture.ts';

const folder = join(import.meta.dirname, '..', 'golden');

const Golden = z.strictObject({
  about: z.string(),
  events: z.array(
    z.strictObject({
      seq: z.int(),
      at: z.iso.datetime(),
      subject: z.string(),
      headers: z.record(z.string(), z.string()),
      /** Text where it is no JSON, else what the JSON says. */
      body: z.unknown(),
    }),
  ),
  view: z.looseObject({ runId: z.string(), org: z.string(), anomalies: z.int() }),
});

describe.each(readdirSync(folder))('%s', (name) => {
  const { events, view } = Golden.parse(JSON.parse(readFileSync(join(folder, name), 'utf8')));
  const messages = events.map(({ at, body, ...message }) =>
    stored({
      ...message,
      at: Date.parse(at),
      body: typeof body === 'string' ? body : JSON.stringify(body),
    }),
  );

  it('folds to the view that it had when it was written', () => {
    let run = initialRun;
    for (const message of messages) {
      const event = readRunMessage(message);
      if (event === undefined) throw new Error(`${message.subject} is no run's`);
      run = evolveRun(run, event);
    }
    expect(runView(run, view.org, view.runId)).toEqual(view);
  });

  it('lies in its order, and in one run', () => {
    expect(messages.map(({ seq }) => seq)).toEqual(
      messages.map(({ seq }) => seq).toSorted((a, b) => a - b),
    );
    expect(messages.map((message) => readRunMessage(message)?.runId)).toEqual(
      messages.map(() => view.runId),
    );
  });
});
