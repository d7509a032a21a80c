/** The life of a process that is a whole Waybill: from its start to a signal, with a word for a person when it fails. */
import { type Logger, type Running, runUntilSignal } from '@waybill/process';
import { explain } from '../explanation.ts';
import type { Terminal } from '../terminal.ts';

export type Life = Readonly<{
  terminal: Terminal;
  log: Logger;
  start: (signal: AbortSignal) => Promise<Running>;
  /** What the exit code is, given what it would be. */
  exitCode?: (code: number) => number;
}>;

/** Never resolves before the process is told to exit. */
export async function live({
  terminal,
  log,
  start,
  exitCode = (code) => code,
}: Life): Promise<number> {
  const told = async (signal: AbortSignal): Promise<Running> => {
    try {
      const running = await start(signal);
      void running.failed.then((error) => explain(error, terminal));
      return running;
    } catch (error) {
      if (!signal.aborted) explain(error, terminal);
      throw error;
    }
  };
  let code = 0;
  await runUntilSignal(told, {
    signals: terminal.signals,
    log,
    exit: (wanted) => {
      code = exitCode(wanted);
      terminal.exit(code);
    },
  });
  return code;
}
