import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createLogger } from '@waybill/process';
import type { wire } from '@waybill/protocol';
import { expect, it, onTestFinished } from 'vitest';
import { openOutbox } from './outbox.ts';

const log = createLogger({ name: 'test', level: 'silent' });
const report = (n: number): wire.UsageReport => ({
  type: 'usage.report',
  messageId: `u${n}`,
  runId: 'r',
  jobId: 'j',
  timestamp: 1,
  entries: [{ kind: 'tool_call' }],
});

it('usage that is settled has left the file a quarter of the rest later, and all of it at the end', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'waybill-outbox-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, 'outbox.json');
  const box = openOutbox({ agentId: 'a', file, log });
  const inFile = (): number => openOutbox({ agentId: 'a', file, log }).usage.length;
  let written = '';
  let writes = 0;
  const look = (): void => {
    const now = readFileSync(file, 'utf8');
    if (now !== written) writes += 1;
    written = now;
  };
  for (let n = 0; n < 200; n++) box.keepUsage(report(n));
  expect(inFile()).toBe(200);
  look();
  writes = 0;
  for (let n = 0; n < 200; n++) {
    box.settle(`u${n}`);
    look();
    expect(box.usage).toHaveLength(199 - n);
    expect(inFile()).toBeLessThanOrEqual(Math.ceil((199 - n) * 1.25) + 1);
  }
  expect(inFile()).toBe(0);
  expect(writes).toBeLessThan(40);
});
