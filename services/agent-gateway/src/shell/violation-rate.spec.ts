import { manualClock } from '@waybill/process';
import { expect, it } from 'vitest';
import { limits } from '../domain/limits.ts';
import { violationRate } from './violation-rate.ts';

const violation = { code: 'c', detail: 'd' };

it('stores violations in a burst, then one per interval that tells what was left out', async () => {
  const clock = manualClock();
  const rate = violationRate(clock);
  const burst = Array.from({ length: limits.violationsMax + 5 }, () => rate.next(violation));
  expect(burst.filter((one) => one !== undefined)).toHaveLength(limits.violationsMax);
  await clock.advance(limits.violationEveryMs);
  expect(rate.next(violation)).toEqual({ ...violation, suppressed: 5 });
  expect(rate.next(violation)).toBeUndefined();
});

it('tells at the end what nothing has told yet, once', () => {
  const rate = violationRate(manualClock());
  expect(rate.rest()).toBeUndefined();
  for (let index = 0; index < limits.violationsMax; index++) rate.next(violation);
  expect(rate.rest()).toBeUndefined();
  rate.next(violation);
  rate.next({ code: 'other', detail: 'd', jobId: 'j' });
  expect(rate.rest()).toEqual({ code: 'other', detail: 'd', jobId: 'j', suppressed: 1 });
  expect(rate.rest()).toBeUndefined();
});
