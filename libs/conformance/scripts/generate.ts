/** Writes `docs/conformance.md` from the checks. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { checkPage } from './check-page.ts';

writeFileSync(fileURLToPath(new URL('../../../docs/conformance.md', import.meta.url)), checkPage());
