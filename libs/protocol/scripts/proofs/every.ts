/** All rows of docs/protocol-coverage.md: for every message of the protocol, once. */
import { artifactCoverage } from './artifact.ts';
import { askingCoverage } from './asking.ts';
import { dispatchCoverage } from './dispatch.ts';
import { healthCoverage } from './health.ts';
import { jobCoverage } from './job.ts';
import { objectCoverage } from './object.ts';
import type { Coverage } from './proof.ts';
import { sessionCoverage } from './session.ts';
import { stepCoverage } from './step.ts';
import { upstreamCoverage } from './upstream.ts';
import { workCoverage } from './work.ts';

export const coverage: Coverage = {
  ...artifactCoverage,
  ...askingCoverage,
  ...dispatchCoverage,
  ...healthCoverage,
  ...jobCoverage,
  ...objectCoverage,
  ...sessionCoverage,
  ...stepCoverage,
  ...upstreamCoverage,
  ...workCoverage,
};
