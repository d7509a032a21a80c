/**
 * The one door of the clone's npm scripts: makes sure that the packages are installed, then hands
 * over to the pinned Node. Plain JavaScript with built-ins only, because nothing is installed yet.
 * `node scripts/bootstrap.mjs <verb> [...args]`; exit codes as in docs/errors.md.
 */

const VERBS = {
  start: { program: ['apps/cli/src/main.ts', 'start'], needsGit: true },
  test: { program: ['node_modules/vitest/vitest.mjs', 'run'], needsGit: true },
  check: { program: ['scripts/check.ts'], needsGit: true },
  bench: { program: ['bench/run.ts'] },
  sim: { program: ['tests/sim/run.ts'] },
  generate: { program: ['libs/protocol/scripts/generate.ts'] },
  format: { program: ['node_modules/@biomejs/biome/bin/biome', 'check', '--write', '.'] },
};

const EXIT = { usage: 2, unavailable: 69, configuration: 78 };

function fail(message, code) {
  process.stderr.write(`waybill: ${message}\n`);
  process.exitCode = code;
}

async function main(verb, args) {
  const task = Object.hasOwn(VERBS, verb ?? '') ? VERBS[verb] : undefined;
  if (task === undefined) {
    const verbs = Object.keys(VERBS).join(' | ');
    return fail(`usage: node scripts/bootstrap.mjs ${verbs} [...args]`, EXIT.usage);
  }
  const { hasGit, handOver } = await import('./handover.mjs');
  const { ensureInstalled } = await import('./installation.mjs');
  const { fileURLToPath } = await import('node:url');
  if (task.needsGit && !hasGit()) {
    return fail('git was not found on PATH. Install git, then try again.', EXIT.unavailable);
  }
  const root = fileURLToPath(new URL('..', import.meta.url));
  const installed = await ensureInstalled(root);
  if (!installed.ok) return fail(installed.message, installed.exitCode);
  process.exitCode = await handOver(root, [...task.program, ...args]);
}

// Imports stay dynamic, so that an old Node reaches this sentence instead of a syntax error.
if (Number.parseInt(process.versions.node, 10) < 20) {
  fail(
    `Node ${process.versions.node} is too old. Install Node 20 or newer, then try again.`,
    EXIT.configuration,
  );
} else {
  main(process.argv[2], process.argv.slice(3)).catch((error) => {
    fail(`the bootstrap itself failed: ${error?.stack ?? error}`, 1);
  });
}
