import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Writable } from 'node:stream';
import { createLogger, manualClock } from '@waybill/process';
import type { wire } from '@waybill/protocol';
import { expect, it, onTestFinished } from 'vitest';
import { openOutbox, usageBytesMax, usageWriteMs } from './outbox.ts';

const log = createLogger({ name: 'test', level: 'silent' });
const report = (n: number): wire.UsageReport => ({
  type: 'usage.report',
  messageId: `u${n}`,
  runId: 'r',
  jobId: 'j',
  timestamp: 1,
  entries: [{ kind: 'tool_call' }],
});

const nobody = (): void => undefined;
type Box = ReturnType<typeof openOutbox>;

function scene() {
  const folder = mkdtempSync(path.join(tmpdir(), 'waybill-outbox-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, 'outbox.json');
  const clock = manualClock();
  const open = (): Box => openOutbox({ agentId: 'a', file, clock, log });
  return { clock, file, open, inFile: (): number => open().usage.length };
}

it('usage that is settled has left the file a quarter of the rest later, and all of it at the end', async () => {
  const { clock, file, open, inFile } = scene();
  const box = open();
  let written = '';
  let writes = 0;
  const look = (): void => {
    const now = readFileSync(file, 'utf8');
    if (now !== written) writes += 1;
    written = now;
  };
  for (let n = 0; n < 200; n++) box.keepUsage(report(n), nobody);
  await clock.advance(usageWriteMs);
  expect(inFile()).toBe(200);
  look();
  writes = 0;
  for (let n = 0; n < 200; n++) {
    box.settle(`u${n}`);
    await clock.advance(usageWriteMs);
    look();
    expect(box.usage).toHaveLength(199 - n);
    expect(inFile()).toBeLessThanOrEqual(Math.ceil((199 - n) * 1.25) + 1);
  }
  expect(inFile()).toBe(0);
  expect(writes).toBeLessThan(40);
});

it('usage that comes at once is written together, and none of it may be sent before', async () => {
  const { clock, open, inFile } = scene();
  const box = open();
  const sent: number[] = [];
  for (let n = 0; n < 100; n++)
    box.keepUsage(report(n), () => {
      expect(inFile()).toBeGreaterThan(n);
      sent.push(n);
    });
  expect([sent, box.usage.length, inFile()]).toEqual([[0], 1, 1]);
  await clock.advance(usageWriteMs);
  expect([sent.length, box.usage.length, inFile()]).toEqual([100, 100, 100]);
  expect(clock.pending()).toBe(0);
});

it('a terminal status is in the file at once, and what waits beside it goes with it', () => {
  const { open, inFile } = scene();
  const box = open();
  let sent = 0;
  const send = (): void => {
    sent += 1;
  };
  for (const n of [1, 2]) box.keepUsage(report(n), send);
  expect(inFile()).toBe(1);
  box.keep({
    type: 'job.status',
    messageId: 's',
    runId: 'r',
    jobId: 'j',
    state: 'success',
    timestamp: 1,
  });
  expect([sent, inFile(), open().statuses.length]).toEqual([2, 2, 1]);
  box.keepUsage(report(3), nobody);
  expect(inFile()).toBe(2);
  box.flush();
  expect(inFile()).toBe(3);
});

it('of more usage than there is room for the oldest is given up, and it is said how much', async () => {
  const lines: string[] = [];
  const destination = new Writable({
    write: (chunk, _encoding, done) => {
      lines.push(String(chunk));
      done();
    },
  });
  const clock = manualClock();
  const said = createLogger({ name: 'test', level: 'warn', destination });
  const box = openOutbox({ agentId: 'a', clock, log: said });
  const half = 'x'.repeat(usageBytesMax / 2 - 1_000);
  for (let n = 0; n < 5; n++)
    box.keepUsage({ ...report(n), entries: [{ kind: 'tool_call', toolName: half }] }, nobody);
  expect(box.usage.map(({ messageId }) => messageId)).toEqual(['u3', 'u4']);
  await clock.advance(usageWriteMs);
  expect(lines.map((line): unknown => JSON.parse(line))).toMatchObject([{ reports: 3 }]);
});
