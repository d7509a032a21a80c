/** Log lines of simulated processes: warnings go into the trace, the rest nowhere. */
import type { Logger } from '@waybill/process';
import type { Life } from './life.ts';
import type { World } from './world.ts';

const nothing = (): void => undefined;

export function simLogger(
  world: World,
  life: Life,
  heard: (text: string) => void = nothing,
): Logger {
  const say = (fields: object | string, msg?: string): void => {
    const about = typeof fields === 'string' ? fields : (msg ?? '');
    world.trace.note(world.now(), life.name, `says: ${about}`);
    heard(about);
  };
  const logger: Logger = {
    level: 'warn',
    trace: nothing,
    debug: nothing,
    info: nothing,
    warn: say,
    error: say,
    fatal: say,
    silent: nothing,
    child: () => logger,
  };
  return logger;
}
