/** One call of a command: its words and options as they came from the command line, parsed where they are used. */
import type { z } from 'zod';
import { usageError } from './cli-error.ts';
import type { Terminal } from './terminal.ts';

export type Invocation = Readonly<{
  terminal: Terminal;
  args: readonly string[];
  options: Readonly<Record<string, unknown>>;
}>;

/** Resolves with the exit code. */
export type Command = (invocation: Invocation) => Promise<number>;

/** The options as the schema says, or a usage error with every mistake. */
export function parseOptions<S extends z.ZodType>(schema: S, { options }: Invocation): z.infer<S> {
  const result = schema.safeParse(options);
  if (result.success) return result.data;
  const lines = result.error.issues.map(
    (issue) => `--${kebab(String(issue.path[0] ?? 'options'))}: ${issue.message}`,
  );
  throw usageError(lines.join('\n'));
}

const kebab = (name: string): string =>
  name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
