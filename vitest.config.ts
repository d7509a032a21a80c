/**
 * Two kinds of specs: pure ones run side by side and first; those with real servers
 * (`*.int.spec.ts`, `*.e2e.spec.ts`) follow, few at a time, with longer bounds.
 */
import { defineConfig } from 'vitest/config';

const folders = '{libs,services,apps,tests,examples,scripts,bench}';
const withServers = [`${folders}/**/*.{int,e2e}.spec.ts`];
const exclude = ['**/node_modules/**', '**/.waybill/**'];

export default defineConfig({
  test: {
    pool: 'forks',
    globalSetup: ['tests/support/global-setup.ts'],
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: 'pure',
          include: [`${folders}/**/*.spec.ts`],
          exclude: [...exclude, ...withServers],
          testTimeout: 30_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'servers',
          include: withServers,
          exclude,
          testTimeout: 30_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
