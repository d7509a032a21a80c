#!/usr/bin/env node
// `npx waybill` in the clone. Whatever Node runs this, the program itself runs on the pinned one; plain JavaScript,
// because an older Node must get as far as the sentence that says what to do.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const CONFIGURATION = 78;
const NEEDED = 24;
const main = new URL('../src/main.ts', import.meta.url);

if (Number.parseInt(process.versions.node, 10) >= NEEDED) {
  await import(main.href);
} else {
  const name = process.platform === 'win32' ? 'node.exe' : 'node';
  const pinned = fileURLToPath(new URL(`../../../node_modules/node/bin/${name}`, import.meta.url));
  if (existsSync(pinned)) runWith(pinned);
  else {
    process.stderr.write(
      `waybill: Node ${process.versions.node} is too old here and the pinned one is not installed. Run \`npm install\` in the clone, then try again.\n`,
    );
    process.exitCode = CONFIGURATION;
  }
}

function runWith(node) {
  const child = spawn(node, [fileURLToPath(main), ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      // Ctrl-C reaches the child from the terminal itself; a second one would mean "at once".
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    });
  }
  child.on('close', (code, signal) => {
    process.exitCode = signal === null ? (code ?? 1) : 128 + constants.signals[signal];
    process.exit();
  });
}
