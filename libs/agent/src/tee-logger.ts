/** One logger that writes to two. */
import type { Logger } from '@waybill/process';

export function teeLogger(first: Logger, second: Logger): Logger {
  const both =
    (level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'): Logger['info'] =>
    (fields, message) => {
      first[level](fields, message);
      second[level](fields, message);
    };
  return {
    level: first.level,
    trace: both('trace'),
    debug: both('debug'),
    info: both('info'),
    warn: both('warn'),
    error: both('error'),
    fatal: both('fatal'),
    silent: () => undefined,
    child: (bindings) => teeLogger(first.child(bindings), second.child(bindings)),
  };
}
