/**
 * What properties of this library draw from: ids, subject tokens and texts, good and hostile. `runsOf` is how many cases a
 * property tries: FC_RUNS where it is set, for a soak, else what the property asks for.
 */
import fc from 'fast-check';
import { jobId, runId, triggerId } from './ids.ts';

export const runsOf = (usual: number): { numRuns: number } => ({
  numRuns: Number(process.env['FC_RUNS'] ?? usual),
});

export const anyToken = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/);
export const anyOrg = fc.stringMatching(/^[a-z0-9][a-z0-9_-]{0,62}$/);

/** Any text at all: every script, control characters, lone surrogates, and what would break out of a header or a subject. */
export const anyText = fc.oneof(
  { weight: 3, arbitrary: fc.string({ unit: 'binary' }) },
  { weight: 1, arbitrary: fc.string({ unit: fc.constantFrom('\ud800', '\udfff', 'a', '%') }) },
  {
    weight: 2,
    arbitrary: fc.string({
      unit: fc.constantFrom(
        '\r',
        '\n',
        '\0',
        ' ',
        '%',
        '"',
        ':',
        '.',
        '>',
        'h_',
        'é',
        '🚚',
        '%0d',
        '%0A',
        'Nats-Rollup: all',
      ),
    }),
  },
);

/** Text that UTF-8 can carry. */
export const anyWellFormed = anyText.map((text) => text.toWellFormed());

export const anyTriggerId = fc.string().map((text) => triggerId('main', 'test', text));
export const anyIndex = fc.integer({ min: 0, max: 9_999 });
export const anyAttempt = fc.integer({ min: 1, max: 9_999 });
export const anyRunId = fc.tuple(anyTriggerId, anyIndex).map(([id, index]) => runId(id, index));
export const anyJobId = fc.tuple(anyRunId, anyIndex).map(([id, index]) => jobId(id, index));
