/**
 * Whether this process should be given work: every check answers, in time, and nobody has asked it
 * to stop.
 */
import { type Clock, systemClock } from './clock.ts';
import { safeError } from './safe-error.ts';

export type Readiness = Readonly<{ ready: boolean; reason?: string }>;
export type Check = Readonly<{ name: string; check(): Promise<Readiness> | Readiness }>;
export type ReadinessReport = Readonly<{
  ready: boolean;
  checks: readonly Readonly<{ name: string; ready: boolean; reason?: string }>[];
}>;
export type ReadinessGate = Readonly<{ ready(): Promise<ReadinessReport>; drain(): void }>;

export function readiness(
  checks: readonly Check[],
  o: Readonly<{ clock?: Clock; timeoutMs?: number }> = {},
): ReadinessGate {
  const { clock = systemClock, timeoutMs = 2_000 } = o;
  let draining = false;
  return {
    ready: async () => {
      const answers = await Promise.all(
        checks.map(async (check) => ({
          name: check.name,
          ...(await ask(check, clock, timeoutMs)),
        })),
      );
      if (draining) answers.unshift({ name: 'lifecycle', ready: false, reason: 'draining' });
      return { ready: answers.every((answer) => answer.ready), checks: answers };
    },
    drain: () => {
      draining = true;
    },
  };
}

async function ask(check: Check, clock: Clock, timeoutMs: number): Promise<Readiness> {
  const late = Promise.withResolvers<Readiness>();
  const timer = clock.after(timeoutMs, () =>
    late.resolve({ ready: false, reason: `no answer within ${timeoutMs} ms` }),
  );
  try {
    return await Promise.race([check.check(), late.promise]);
  } catch (error) {
    return { ready: false, reason: safeError(error).message };
  } finally {
    timer.cancel();
  }
}
