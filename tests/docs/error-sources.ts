/**
 * Where the code says what `docs/errors.md` explains: for each column of each of its tables, what can be found there. Catalogues
 * that are data are imported; what stands in the source as a text is read from it.
 */
import { problems } from '@waybill/api/problems';
import { commandLine, lines } from './command-sources.ts';
import { agents, http } from './door-sources.ts';
import { log } from './log-sources.ts';
import { runs } from './run-sources.ts';
import type { Source } from './source.ts';
import { starting } from './starting-sources.ts';

/** Every section with a table but those two that repeat a catalogue word for word. */
export const sources: readonly Source[] = [
  ...starting,
  ...http,
  ...agents,
  ...runs,
  ...log,
  ...commandLine,
  ...lines,
];

/** The rows of the catalogue of the api, in the two tables that share it. */
export const problemSections = ['Answers of the HTTP API', 'Refused deliveries'] as const;
export const problemRows: readonly (readonly string[])[] = Object.entries(problems).map(
  ([code, { status, title, fix }]) => [`\`${code}\``, String(status), title, fix],
);
