import { rmSync } from 'node:fs';
import { systemClock } from '@waybill/process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkAgent } from './agent/agent-kit.ts';
import { brokenAgent } from './broken-agent.fixture.ts';
import type { CheckResult } from './check.ts';

type Fault = Readonly<{
  check: string;
  what: string;
  edits: readonly (readonly [from: string, to: string])[];
}>;

const log = "const log = (line) => send('log.chunk', { ...job.id, stepIndex, lines: [line] });";
const reject = "job ? send('job.reject', { runId, jobId, reason: 'busy' }) : runJob(dispatch)";
const ended = "send('job.status', { ...job.id, state: job.state });";
const wrongCode = 'if (code === 4010) process.exit(1);';
const receive = 'on[frame?.type]?.(frame);';

/** One fault each, and the one check that is about it. */
const faults: readonly Fault[] = [
  {
    check: 'silent-before-auth',
    what: 'speaks before it is let in',
    edits: [
      [
        "token ? send('auth.request', { token, protocolVersion: 1 }) : register(),",
        "(token ? send('auth.request', { token, protocolVersion: 1 }) : register(), socket.send(JSON.stringify({ type: 'agent.status', messageId: crypto.randomUUID(), agentId, activeJobs: 0 }))),",
      ],
    ],
  },
  {
    check: 'config-ack',
    what: 'forgets `config.ack`',
    edits: [["[{ type: 'config.ack', agentId }, ...unsent", '[...unsent']],
  },
  {
    check: 'ack-first',
    what: 'says `running` before it has said yes',
    edits: [
      [
        "send('job.ack', job.id); // at once, before any work\n  send('job.status', { ...job.id, state: 'running' });",
        "send('job.status', { ...job.id, state: 'running' }); send('job.ack', job.id);",
      ],
    ],
  },
  {
    check: 'log-batches',
    what: 'sends a log in chunks of 60 lines',
    edits: [
      [
        log,
        `const lines = []; const flush = () => lines.length && send('log.chunk', { ...job.id, stepIndex, lines: lines.splice(0, 60) });
  const log = (line) => { lines.push(line); if (run.includes('230')) lines.length >= 60 && flush(); else flush(); };
  job.child.on('close', () => { while (lines.length) flush(); });`,
      ],
    ],
  },
  {
    check: 'last-lines-first',
    what: 'says that a job has ended before its last lines',
    edits: [
      [
        log,
        `const log = (line) => { const id = job.id; const tell = () => send('log.chunk', { ...id, stepIndex, lines: [line] }); line === 'kit-line-229' ? setTimeout(tell, 300) : tell(); };`,
      ],
      [ended, `await new Promise((go) => setTimeout(go, job.late ?? 0)); ${ended}`],
    ],
  },
  {
    check: 'busy-reject',
    what: 'does not answer when it is busy',
    edits: [[reject, 'job ? undefined : runJob(dispatch)']],
  },
  {
    check: 'cancel-unknown',
    what: 'answers the cancel of a job that it does not have',
    edits: [
      [
        'if (job?.id.jobId !== jobId || job.child.exitCode !== null) return;',
        "if (job?.id.jobId !== jobId) return send('job.status', { runId: jobId, jobId, state: 'cancelled' });\n    if (job.child.exitCode !== null) return;",
      ],
    ],
  },
  {
    check: 'unknown-type',
    what: 'hangs up over a message that it does not know',
    edits: [[receive, `frame?.type?.startsWith('kit.') ? socket.close() : ${receive}`]],
  },
  {
    check: 'dispatch-invalid',
    what: 'rejects what is no dispatch',
    edits: [
      [
        'if (!runId || !jobId || !Array.isArray(jobConfig?.steps)) return;',
        "if (!runId || !jobId || !Array.isArray(jobConfig?.steps)) return runId && jobId && send('job.reject', { runId, jobId, reason: 'busy' });",
      ],
    ],
  },
  {
    check: 'pings',
    what: 'answers no ping',
    edits: [['new WebSocket(WAYBILL_URL)', 'new WebSocket(WAYBILL_URL, { autoPong: false })']],
  },
  {
    check: 'backoff',
    what: 'comes back at once, as often as it likes',
    edits: [['Math.min(60_000, 1_000 * 1.5 ** failures++) * (1 + Math.random() / 2)', '20']],
  },
  {
    check: 'in-flight',
    what: 'forgets what it has in hand',
    edits: [['...(job && { inFlightJobs: [job.id] })', '...{}']],
  },
  {
    check: 'log-while-away',
    what: 'loses lines while it is away',
    edits: [['else unsent.push(frame);', "else if (type !== 'log.chunk') unsent.push(frame);"]],
  },
  { check: 'stops-on-4010', what: 'comes back after 4010', edits: [[wrongCode, '']] },
  {
    check: 'frames-valid',
    what: 'sends a field of a wrong type',
    edits: [
      ["send('heartbeat'), 30_000", "send('heartbeat'), 30_000"],
      ["{ type: 'config.ack', agentId }", "{ type: 'config.ack', agentId, messageId: '' }"],
    ],
  },
  {
    check: 'register-ack-awaited',
    what: 'gives heartbeats before it is registered',
    edits: [
      [
        "'auth.success': register,",
        "'auth.success': () => (register(), socket.send(JSON.stringify({ type: 'heartbeat', timestamp: 1 }))),",
      ],
    ],
  },
];

describe('an agent with one fault', () => {
  // All at once: nearly all of it is waiting.
  let tried: ReadonlyMap<string, readonly CheckResult[]>;
  const folders: string[] = [];
  beforeAll(async () => {
    const each = faults.map(async ({ check, edits }) => {
      const { command, folder } = brokenAgent(edits);
      folders.push(folder);
      const { results } = await checkAgent({
        url: 'ws://127.0.0.1:0/ws',
        clock: systemClock,
        profile: 'seed',
        exec: { command, env: { PATH: process.env['PATH'] } },
        withinMs: 10_000,
        quietMs: 1_000,
      });
      return [check, results.filter(({ state }) => state === 'fail')] as const;
    });
    tried = new Map(await Promise.all(each));
  }, 400_000);
  afterAll(() => {
    for (const folder of folders) rmSync(folder, { recursive: true });
  });

  it.each(faults)('that $what fails exactly `$check`', ({ check }) => {
    const failed = tried.get(check) ?? [];
    expect(
      failed.map(({ name }) => name),
      JSON.stringify(failed),
    ).toEqual([check]);
  });
});
