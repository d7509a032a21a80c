/** `waybill up`: everything in one process until a signal. Log lines go to standard output, what a person wants to know to the other. */
import { createLogger, systemClock } from '@waybill/process';
import type { Command } from '../invocation.ts';
import { startAllInOne } from '../local/all-in-one.ts';
import { placesText } from '../local/places-text.ts';
import { live } from '../local/up-life.ts';
import { readUpSettings } from '../local/up-settings.ts';

export const up: Command = async (invocation) => {
  const { terminal, options } = invocation;
  const { config, home } = readUpSettings(invocation);
  const log = createLogger({ name: 'waybill', level: config.LOG_LEVEL, pretty: terminal.live });
  return live({
    terminal,
    log,
    start: async (signal) => {
      const all = await startAllInOne({
        config,
        home,
        env: terminal.env,
        runner: options['runner'] === true,
        scaler: options['scaler'] === true,
        clock: systemClock,
        log,
        signal,
        say: (line) => terminal.err(`waybill: ${line}\n`),
        write: terminal.out,
      });
      terminal.err(`\nWaybill is up. Ctrl-C stops it.\n\n${placesText(all)}\n`);
      return all.running;
    },
  });
};
