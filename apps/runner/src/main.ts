/** The runner alone: `waybill runner`. With `--with-parent` it ends with the process that started it. */
import {
  createLogger,
  exitCodeOf,
  readConfig,
  runUntilSignal,
  safeError,
  startParts,
  systemClock,
} from '@waybill/process';
import { Config } from './config.ts';
import { parentWatch } from './parent-watch.ts';
import { createRunner } from './runner.ts';

try {
  const config = readConfig(Config, process.env);
  const log = createLogger({ name: 'runner', level: config.LOG_LEVEL });
  const host = { clock: systemClock, log };
  const runner = createRunner(config, host);
  const watched = config.WAYBILL_RUNNER_PARENT_PIPE || process.argv.includes('--with-parent');
  const parts = [runner, ...(watched ? [parentWatch(process, runner.hurry)] : [])];
  const stopDeadlineMs = config.WAYBILL_RUNNER_DRAIN + 15_000;
  await runUntilSignal((signal) => startParts(parts, { ...host, signal, stopDeadlineMs }), {
    signals: process,
    log,
    exit: (code) => process.exit(code),
  });
} catch (error) {
  process.stderr.write(`waybill runner: ${safeError(error).message}\n`);
  process.exit(exitCodeOf(error));
}
