/** All rows of docs/protocol-coverage.md: for every message of the protocol, once. */
import { jobCoverage } from './job.ts';
import { objectCoverage } from './object.ts';
import type { Coverage } from './proof.ts';
import { sessionCoverage } from './session.ts';
import { upstreamCoverage } from './upstream.ts';
import { workCoverage } from './work.ts';

export const coverage: Coverage = {
  ...sessionCoverage,
  ...jobCoverage,
  ...workCoverage,
  ...objectCoverage,
  ...upstreamCoverage,
};
