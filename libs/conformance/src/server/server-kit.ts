/** The conformance kit for servers: drives a gateway as agents do, good ones and bad ones, and looks at what becomes of it. */
import type { Clock } from '@waybill/process';
import type { CheckResult, Profile } from '../check.ts';
import { runChecks } from '../run-checks.ts';
import { createWatch } from '../watch.ts';
import { answerChecks } from './answer-checks.ts';
import { dispatchChecks } from './dispatch-checks.ts';
import { doorChecks } from './door-checks.ts';
import { extendedChecks } from './extended-checks.ts';
import { frameChecks } from './frame-checks.ts';
import { reportChecks } from './report-checks.ts';
import { createServerTrial, type ServerCheck } from './server-trial.ts';
import { storageChecks } from './storage-checks.ts';
import { type ApiAddress, openWorkDesk } from './work-desk.ts';

/** In the order in which they run; the last ones look back at everything. */
export const serverChecks: readonly ServerCheck[] = [
  ...doorChecks,
  ...frameChecks,
  ...dispatchChecks,
  ...reportChecks,
  ...answerChecks,
  ...storageChecks,
  ...extendedChecks,
];

export type ServerKitOptions = Readonly<{
  /** Where agents dial. */
  url: string;
  token: string;
  clock: Clock;
  profile: Profile;
  /** Makes work; without it what needs a dispatch is skipped. */
  api?: ApiAddress | undefined;
  /** Breaks the trial off. */
  signal?: AbortSignal;
  only?: readonly string[];
  slow?: boolean;
  withinMs?: number;
  quietMs?: number;
  onResult?: (result: CheckResult) => void;
}>;

const usual = { withinMs: 15_000, quietMs: 1_500 } as const;

export async function checkServer(o: ServerKitOptions): Promise<readonly CheckResult[]> {
  const { url, token, clock, profile } = o;
  const trial = createServerTrial({
    url,
    token,
    work: o.api === undefined ? undefined : openWorkDesk(o.api),
    watch: createWatch(clock, o.signal),
    clock,
    profile,
    withinMs: o.withinMs ?? usual.withinMs,
    quietMs: o.quietMs ?? usual.quietMs,
  });
  return runChecks({
    checks: serverChecks,
    trial,
    clock,
    profile,
    only: o.only ?? [],
    slow: o.slow ?? false,
    secrets: [token, o.api?.key].filter((secret) => secret !== undefined),
    onResult: o.onResult ?? (() => undefined),
    settle: trial.settle,
  });
}
