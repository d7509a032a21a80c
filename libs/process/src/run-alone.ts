/**
 * One service as a process of its own: configuration, log, start, signals, exit code. Every service's `main.ts` and the
 * CLI's verb for it are this one call.
 */
import type { z } from 'zod';
import { systemClock } from './clock.ts';
import { commonVariables } from './common-setting.ts';
import type { Environment } from './config.ts';
import { readConfig } from './config.ts';
import { exitCodeOf } from './exit-code.ts';
import { startParts } from './lifecycle.ts';
import { createLogger, type LogLevel } from './logger.ts';
import { safeError } from './safe-error.ts';
import type { Host, Service } from './service.ts';
import { runUntilSignal, type SignalSource } from './signal-run.ts';

/** What of `process` is used here. */
export type ProcessLike = SignalSource &
  Readonly<{
    env: Environment;
    exit: (code: number) => void;
    stderr: Readonly<{ write(text: string): unknown }>;
  }>;

type Logs = Readonly<{ LOG_LEVEL: LogLevel }>;

export async function runAlone<S extends z.ZodObject>(
  name: string,
  schema: S,
  service: (config: Readonly<z.infer<S>> & Logs, host: Host) => Service,
  process: ProcessLike,
): Promise<void> {
  let config: Readonly<z.infer<S>> & Logs;
  try {
    // Every service's schema has LOG_LEVEL, one of the common settings.
    config = readConfig(schema, process.env, { known: commonVariables }) as Readonly<z.infer<S>> &
      Logs;
  } catch (error) {
    process.stderr.write(`waybill ${name}: ${safeError(error).message}\n`);
    process.exit(exitCodeOf(error));
    return;
  }
  const log = createLogger({ name, level: config.LOG_LEVEL });
  const host = { clock: systemClock, log };
  const start = (signal: AbortSignal) => startParts([service(config, host)], { ...host, signal });
  await runUntilSignal(start, { signals: process, log, exit: (code) => process.exit(code) });
}
