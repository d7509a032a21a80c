import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { agentChecks, serverChecks } from '../src/index.ts';
import { checkPage } from './check-page.ts';

const page = fileURLToPath(new URL('../../../docs/conformance.md', import.meta.url));

it('the page lists the checks as they are', () => {
  expect(readFileSync(page, 'utf8'), 'run `node libs/conformance/scripts/generate.ts`').toBe(
    checkPage(),
  );
});

it.each([
  ['agent', agentChecks],
  ['server', serverChecks],
])('every check of the %s kit has a name of its own, a claim and a section', (_kit, checks) => {
  expect(new Set(checks.map(({ name }) => name)).size).toBe(checks.length);
  for (const { name, claim, section } of checks) {
    expect(name).toMatch(/^[a-z0-9]+(?:-[a-z0-9]+)*$/);
    expect(claim, name).toMatch(/^[A-Z`].*\.$|\)\.$/);
    expect(section, name).not.toBe('');
  }
});
