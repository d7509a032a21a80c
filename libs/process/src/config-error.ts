/**
 * Everything that is wrong with the environment, at once, with the names of the variables and no
 * secret's value.
 */
import { exitCodes } from './exit-code.ts';

export type ConfigProblem = Readonly<{ variable: string; problem: string }>;

export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code = 'config';
  readonly exitCode = exitCodes.config;
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    const lines = problems.map(({ variable, problem }) => `  ${variable}: ${problem}`);
    const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
    super(`the configuration has ${count}:\n${lines.join('\n')}`);
    this.problems = problems;
  }
}
