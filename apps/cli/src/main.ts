/**
 * `waybill`: hands the process to the command. The only file of the program that touches the environment, the streams and
 * the signals; it imports next to nothing, so that `--help` is there at once.
 */
import { styleText } from 'node:util';
import { run } from './program.ts';
import type { Terminal } from './terminal.ts';

// A reader that has seen enough (`| head`) is no failure; without a reader there is nothing left to say.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
}

const terminal: Terminal = {
  env: process.env,
  cwd: process.cwd(),
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  live: process.stdout.isTTY,
  width: process.stdout.columns ?? 100,
  // Knows NO_COLOR, FORCE_COLOR and whether this is a terminal.
  style: (style, text) => styleText(style, text, { stream: process.stdout }),
  styleErr: (style, text) => styleText(style, text, { stream: process.stderr }),
  stdin: () => process.stdin,
  signals: process,
  parent: process,
  exit: (code) => process.exit(code),
};

process.exitCode = await run(process.argv.slice(2), terminal);
