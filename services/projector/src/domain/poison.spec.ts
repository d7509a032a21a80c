import { subjects } from '@waybill/protocol';
import { expect, it } from 'vitest';
import { orgOf } from './poison.ts';

it('a message belongs to the org that its subject says, or at least claims', () => {
  expect(orgOf(subjects.run('acme', 'r', 'job.ack'))).toBe('acme');
  expect(orgOf(subjects.config('acme', 'rule', 'x'))).toBe('acme');
  expect(orgOf('wb.v1.run.zz.acme.r.what.ever.else')).toBe('acme');
  expect(orgOf('wb.v1.config.acme')).toBe('acme');
});

it('a subject that claims nothing belongs to nobody', () => {
  for (const subject of ['wb.v1.run', 'wb.v1.run.zz.ÄÖ.x', 'wb.v1.config', 'x', ''])
    expect(orgOf(subject), subject).toBe('unknown');
});
