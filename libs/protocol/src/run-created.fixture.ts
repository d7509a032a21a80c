/** Random runs of one to four jobs, with needs of jobs and of groups, retries and limits; times are short so that deadlines pass. */
import fc from 'fast-check';
import { ORG, RUN } from './run.fixture.ts';
import {
  type JobSpec,
  type Need,
  RetryCause,
  type RetryPolicy,
  type RunCreated,
} from './run-created.ts';
import { Outcome } from './states.ts';

export const TIMES = {
  ackTimeoutMs: 50,
  recoveryMs: 60,
  staleMs: 70,
  cancelGraceMs: 20,
  approvalTimeoutMs: 80,
} as const;

const anyNeed = (upstream: string): fc.Arbitrary<Need> =>
  fc
    .uniqueArray(fc.constantFrom('success' as const, 'success' as const, ...Outcome.options), {
      minLength: 1,
      maxLength: 3,
    })
    .map((on) => ({ job: upstream, on }));

const anyPolicy: fc.Arbitrary<RetryPolicy> = fc.record(
  {
    on: fc.uniqueArray(fc.constantFrom(...RetryCause.options), { minLength: 1, maxLength: 4 }),
    exitCodes: fc.uniqueArray(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 3 }),
    max: fc.integer({ min: 1, max: 2 }),
    backoffMs: fc.constantFrom(0, 10, 30),
    backoffMaxMs: fc.constantFrom(0, 40),
  },
  { requiredKeys: ['on', 'max', 'backoffMs', 'backoffMaxMs'] },
);

const anyLimits: fc.Arbitrary<Partial<JobSpec>> = fc.record(
  {
    timeoutMs: fc.constantFrom(20, 60),
    queueTimeoutMs: fc.constantFrom(30, 200),
    heartbeatTimeoutMs: fc.constantFrom(40, 150),
    retries: fc.array(anyPolicy, { minLength: 1, maxLength: 2 }),
    failFast: fc.boolean(),
  },
  { requiredKeys: [] },
);

/** Few jobs wait for people: most histories are to get further. */
const anyHold: fc.Arbitrary<Pick<JobSpec, 'approval'>> = fc.constantFrom(
  {},
  {},
  {},
  {},
  {},
  { approval: { timeoutMs: 40 } },
  { approval: { users: ['ada'], timeoutMs: 60 } },
  { approval: { users: ['ada'], teams: ['ops'] } },
);

/** What `a` to `d` may need: jobs before them, and `d` the group that `b` and `c` may be of. */
const anyNeeds = fc
  .tuple(
    fc.constant([]),
    anyNeed('a'),
    fc.tuple(anyNeed('a'), anyNeed('b')),
    fc.oneof(anyNeed('c'), anyNeed('bc')),
  )
  .chain((all) =>
    fc.tuple(
      ...all.map((each) => fc.constantFrom<readonly Need[]>([], [each].flat(), [each].flat())),
    ),
  );

export const anyCreated: fc.Arbitrary<RunCreated> = fc
  .record({
    needs: anyNeeds,
    limits: fc.tuple(anyLimits, anyLimits, anyLimits, anyLimits),
    holds: fc.tuple(anyHold, anyHold, anyHold, anyHold),
    count: fc.integer({ min: 1, max: 4 }),
    offersMax: fc.integer({ min: 1, max: 3 }),
    withEvent: fc.boolean(),
  })
  .map(({ needs, limits, holds, count, offersMax, withEvent }) => ({
    runId: RUN,
    org: ORG,
    trigger: {
      triggerId: RUN.slice(0, -2),
      source: 'github',
      kind: 'webhook' as const,
      event: 'push',
      deliveryId: 'd',
    },
    rule: { name: 'ci', generation: 1 },
    workflow: 'ci',
    repoUrl: '',
    ref: 'main',
    sha: '',
    event: { ref: 'refs/heads/main' },
    jobs: needs.slice(0, count).map((each, index) => ({
      jobId: `${RUN}-${index}`,
      name: 'abcd'.charAt(index),
      runsOn: index === 0 ? [] : ['linux'],
      needs: [...each],
      config: { name: 'abcd'.charAt(index) },
      withEvent,
      ...(index === 1 || index === 2 ? { group: 'bc' } : {}),
      ...limits[index],
      ...holds[index],
    })),
    offersMax,
    ...TIMES,
  }));
