import { exitCodeOf } from '@waybill/process';
import { describe, expect, it } from 'vitest';
import { NewerVersion } from './newer-version.ts';

describe('an event of a newer version', () => {
  it('ends the process as a wrong set-up, which starting it again does not mend', () => {
    expect(exitCodeOf(new NewerVersion('WB_RUNS 7: version 2'))).toBe(78);
  });
});
