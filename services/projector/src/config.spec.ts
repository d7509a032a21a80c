import { readConfig } from '@waybill/process';
import { expect, it } from 'vitest';
import { Config } from './config.ts';

it('a configuration that lacks an address is told every one it lacks', () => {
  expect(() => readConfig(Config, {})).toThrow(/NATS_URL[\s\S]*DATABASE_URL/);
});
