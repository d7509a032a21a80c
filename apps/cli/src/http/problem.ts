/** What the api refuses with (problem+json), as an error of the command: title, detail, every mistake, what to do. */
import { z } from 'zod';
import { CliError, exits } from '../cli-error.ts';

const Mistake = z.object({
  path: z.string(),
  message: z.string(),
  line: z.number().optional(),
  column: z.number().optional(),
});
export type Mistake = z.infer<typeof Mistake>;

const Problem = z.object({
  title: z.string(),
  status: z.number().optional(),
  code: z.string().optional(),
  detail: z.string().optional(),
  fix: z.string().optional(),
  requestId: z.string().optional(),
  errors: z.array(Mistake).optional(),
});

export class ProblemError extends CliError {
  readonly status: number;
  readonly code: string;
  readonly mistakes: readonly Mistake[];

  constructor(status: number, problem: z.infer<typeof Problem>) {
    super(exitCodeOf(status), textOf(status, problem));
    this.status = status;
    this.code = problem.code ?? '';
    this.mistakes = problem.errors ?? [];
  }
}

export async function problemError(response: Response, url: string): Promise<CliError> {
  const body: unknown = await response.json().catch(() => undefined);
  const problem = Problem.safeParse(body);
  if (problem.success) return new ProblemError(response.status, problem.data);
  return new CliError(
    exitCodeOf(response.status),
    `${url} answered ${response.status} ${response.statusText}`.trimEnd(),
  );
}

/** Wrong credentials are a matter of configuration; whatever says "later" is told to come later. */
function exitCodeOf(status: number): number {
  if (status === 401 || status === 403) return exits.config;
  return status === 429 || status === 503 ? exits.tryLater : exits.failure;
}

export const mistakeText = ({ path, message, line, column }: Mistake): string => {
  const place = line === undefined ? '' : `${line}:${column ?? 1}: `;
  return `${place}${path === '' ? '' : `${path}: `}${message}`;
};

function textOf(status: number, problem: z.infer<typeof Problem>): string {
  const { title, detail, fix, requestId, errors = [] } = problem;
  const lines = [
    `${title} (${status})`,
    ...(detail === undefined || detail === `${title}.` ? [] : [`  ${detail}`]),
    ...errors.map((mistake) => `  - ${mistakeText(mistake)}`),
    ...(fix === undefined ? [] : [`  ${fix}`]),
    // Only where the answer alone does not help.
    ...(requestId === undefined || status < 500 ? [] : [`  request ${requestId}`]),
  ];
  return lines.join('\n');
}
