/** Ctrl-C and SIGTERM for commands that wait: the signal aborts what they wait for, and says which exit code that means. */
import { exits } from './cli-error.ts';
import type { Terminal } from './terminal.ts';

/** Runs `work` until it ends or is interrupted; 130 and 143 as shells know them. */
export async function interruptible(
  terminal: Terminal,
  work: (signal: AbortSignal) => Promise<number>,
): Promise<number> {
  const abort = new AbortController();
  let interruptedWith: number | undefined;
  const stopWith = (code: number) => (): void => {
    interruptedWith ??= code;
    abort.abort(new Error('interrupted'));
  };
  const onInterrupt = stopWith(exits.interrupted);
  const onTerminate = stopWith(exits.terminated);
  terminal.signals.on('SIGINT', onInterrupt);
  terminal.signals.on('SIGTERM', onTerminate);
  try {
    const code = await work(abort.signal);
    return interruptedWith ?? code;
  } catch (error) {
    if (interruptedWith === undefined) throw error;
    return interruptedWith;
  } finally {
    terminal.signals.off('SIGINT', onInterrupt);
    terminal.signals.off('SIGTERM', onTerminate);
  }
}
