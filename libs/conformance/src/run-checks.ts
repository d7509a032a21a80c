/** Runs checks one after another, each with its one result. A check that fails says why; none stops the others. */
import type { Clock } from '@waybill/process';
import { type Check, CheckFailed, type CheckResult, CheckSkipped, type Profile } from './check.ts';
import { shownFrame } from './recorded-frame.ts';

export type CheckRun<Trial> = Readonly<{
  checks: readonly Check<Trial>[];
  trial: Trial;
  clock: Clock;
  profile: Profile;
  /** Only these, by name; all when empty. */
  only: readonly string[];
  slow: boolean;
  /** What no shown frame may contain. */
  secrets: readonly string[];
  onResult: (result: CheckResult) => void;
  /** Puts everything back after a check, so that the next one begins where all begin. */
  settle: () => Promise<void>;
}>;

export async function runChecks<Trial>(o: CheckRun<Trial>): Promise<readonly CheckResult[]> {
  const results: CheckResult[] = [];
  for (const check of selected(o)) {
    const result = await runCheck(check, o);
    results.push(result);
    o.onResult(result);
  }
  return results;
}

const selected = <Trial>({ checks, only, profile }: CheckRun<Trial>): readonly Check<Trial>[] =>
  checks.filter(
    (check) =>
      (only.length === 0 || only.includes(check.name)) &&
      (check.profile === undefined || check.profile === profile),
  );

async function runCheck<Trial>(check: Check<Trial>, o: CheckRun<Trial>): Promise<CheckResult> {
  const { name, claim, section } = check;
  const beganMs = o.clock.monotonicMs();
  const ended = (state: CheckResult['state'], more: Partial<CheckResult> = {}): CheckResult => ({
    name,
    claim,
    section,
    state,
    durationMs: Math.round(o.clock.monotonicMs() - beganMs),
    ...more,
  });
  if (check.slow !== undefined && !o.slow && !o.only.includes(name))
    return ended('skipped', { why: `${check.slow}: asked for with --slow` });
  let result: CheckResult;
  try {
    const note = await check.run(o.trial);
    result = typeof note === 'string' ? ended('info', { why: note }) : ended('pass');
  } catch (error) {
    if (error instanceof CheckSkipped) result = ended('skipped', { why: error.message });
    else if (error instanceof CheckFailed) {
      const frame = error.frame === undefined ? {} : { frame: shownFrame(error.frame, o.secrets) };
      result = ended('fail', { why: error.message, ...frame });
    } else throw error;
  }
  await o.settle();
  return result;
}
