/** Git for the demonstration: nothing of the person's own set-up (hooks, signing keys, templates) takes part. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { CliError, exits } from '../cli-error.ts';

const run = promisify(execFile);

export type Git = (...args: readonly string[]) => Promise<string>;

export function gitIn(folder: string, env: Readonly<Record<string, string | undefined>>): Git {
  const clean = Object.fromEntries(
    Object.entries(env).filter(([name]) => !name.startsWith('GIT_')),
  );
  const quiet = {
    ...clean,
    GIT_CONFIG_GLOBAL: process.platform === 'win32' ? 'NUL' : '/dev/null',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
  };
  return async (...args) => {
    try {
      const { stdout } = await run('git', [...args], { cwd: folder, env: quiet });
      return stdout.trim();
    } catch (error) {
      const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
      if (missing)
        throw new CliError(
          exits.unavailable,
          'git was not found on PATH. Install git, then try again.',
          { cause: error },
        );
      throw new CliError(
        exits.failure,
        `git ${args[0] ?? ''} failed in ${folder}. Remove that folder to begin again.`,
        { cause: error },
      );
    }
  };
}
