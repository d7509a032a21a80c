/** What a check found: good, worth knowing, or wrong with what to do about it. The worst decides the exit code. */
import { exits } from '../cli-error.ts';

export type Finding = Readonly<{
  name: string;
  status: 'ok' | 'note' | 'wrong';
  detail: string;
  fix?: string;
  exitCode?: 69 | 78 | 1;
}>;

export const ok = (name: string, detail: string): Finding => ({ name, status: 'ok', detail });
export const note = (name: string, detail: string, fix?: string): Finding => ({
  name,
  status: 'note',
  detail,
  ...(fix === undefined ? {} : { fix }),
});
export const wrong = (
  name: string,
  detail: string,
  exitCode: 69 | 78 | 1,
  fix: string,
): Finding => ({ name, status: 'wrong', detail, fix, exitCode });

/** What is missing comes before what is set wrongly: the first is often why the second shows. */
export function exitCodeOfFindings(findings: readonly Finding[]): number {
  const codes = findings.flatMap(({ exitCode }) => exitCode ?? []);
  return (
    [exits.unavailable, exits.config, exits.failure].find((code) =>
      codes.some((found) => found === code),
    ) ?? exits.ok
  );
}
