/**
 * Runs every static check, one line and its time each, and shows the output of those that fail.
 * All of them run even after a failure; the exit code is 1 if any failed.
 */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

type Check = Readonly<{ name: string; what: string; command: readonly string[] }>;

const bin = (script: string): string => path.join('node_modules', ...script.split('/'));

const checks: readonly Check[] = [
  { name: 'types', what: 'tsc', command: [bin('typescript/bin/tsc'), '-p', 'tsconfig.json'] },
  {
    name: 'lint',
    what: 'oxlint, type-aware',
    command: [bin('oxlint/bin/oxlint'), '--type-aware', '--deny-warnings'],
  },
  {
    name: 'format',
    what: 'biome (repair: npm run format)',
    command: [bin('@biomejs/biome/bin/biome'), 'check', '--max-diagnostics=50', '.'],
  },
  { name: 'dead code', what: 'knip', command: [bin('knip/bin/knip.js'), '--no-progress'] },
  {
    name: 'walls and style',
    what: 'tests/tidy',
    command: [bin('vitest/vitest.mjs'), 'run', 'tests/tidy'],
  },
];

type Outcome = Readonly<{ passed: boolean; output: string; seconds: string }>;

function run(check: Check, cwd: string): Promise<Outcome> {
  const startedMs = performance.now();
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const child = spawn(process.execPath, check.command, {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
    const end = (passed: boolean): void => {
      const output = Buffer.concat(chunks).toString('utf8').trim();
      const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
      resolve({ passed, output, seconds });
    };
    child.on('error', (error) => {
      chunks.push(Buffer.from(String(error)));
      end(false);
    });
    child.on('close', (code) => {
      end(code === 0);
    });
  });
}

async function main(only: readonly string[]): Promise<number> {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const wanted = checks.filter(({ name }) => only.length === 0 || only.includes(name));
  if (wanted.length === 0) {
    const names = checks.map(({ name }) => `"${name}"`).join(', ');
    process.stderr.write(`no such check; there are ${names}\n`);
    return 2;
  }
  let failed = 0;
  for (const check of wanted) {
    // One after the other: each of them uses every core by itself.
    const { passed, output, seconds } = await run(check, root);
    const verdict = passed ? 'ok  ' : 'FAIL';
    process.stdout.write(`${verdict}  ${check.name.padEnd(16)} ${seconds} s  ${check.what}\n`);
    if (!passed) {
      failed += 1;
      process.stdout.write(`\n${output}\n\n`);
    }
  }
  process.stdout.write(`checks: ${wanted.length - failed} ok, ${failed} failed\n`);
  return failed === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
