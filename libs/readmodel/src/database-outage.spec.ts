import { Outage } from '@waybill/process';
import { expect, it } from 'vitest';
import { isDatabaseOutage } from './database-outage.ts';

const withCode = (code: string): Error => Object.assign(new Error('x'), { code });

it('a database that is away, full, stopping or read-only is an outage', () => {
  for (const code of [
    'ECONNREFUSED',
    'ECONNRESET',
    '08006',
    '57P01',
    '57P03',
    '53100',
    '40P01',
    '25006',
    '58030',
  ])
    expect(isDatabaseOutage(withCode(code)), code).toBe(true);
  expect(isDatabaseOutage(new Error('Connection terminated unexpectedly'))).toBe(true);
  expect(isDatabaseOutage(new Outage('x', 'y'))).toBe(true);
  expect(isDatabaseOutage(new Error('wrapped', { cause: withCode('57P01') }))).toBe(true);
  expect(isDatabaseOutage(new AggregateError([withCode('ECONNREFUSED')]))).toBe(true);
});

it('everything else is a defect', () => {
  for (const code of ['22P05', '23505', '42P01', '42501', '28P01'])
    expect(isDatabaseOutage(withCode(code)), code).toBe(false);
  expect(isDatabaseOutage(new TypeError('x'))).toBe(false);
  expect(isDatabaseOutage('57P01')).toBe(false);
});
