import { streamNames, streams } from '@waybill/protocol';
import { describe, expect, it } from 'vitest';
import { desiredConfig, differences, weakened } from './stream-config.ts';

describe('the configuration of a stream', () => {
  it('protects every record stream and lets no stream be wiped by a publisher', () => {
    for (const name of streamNames) {
      const desired = desiredConfig(streams[name], 3);
      const record = streams[name].keeps === 'all';
      expect(desired).toMatchObject({
        deny_delete: record,
        deny_purge: record,
        discard: record ? 'new' : 'old',
      });
      expect(desired).toMatchObject({
        allow_rollup_hdrs: false,
        allow_msg_schedules: false,
        num_replicas: 3,
      });
    }
  });

  it('does not differ from what a server gives back, which leaves out what is off', () => {
    const {
      allow_msg_schedules: _,
      no_ack: __,
      republish,
      ...held
    } = desiredConfig(streams.WB_RUNS, 1);
    const actual = {
      ...held,
      republish: { src: '', dest: '', ...streams.WB_RUNS.republish, headers_only: false },
    };
    expect(republish).toBeDefined();
    expect(differences(desiredConfig(streams.WB_RUNS, 1), actual)).toEqual([]);
  });

  it('differs by the name of the field that an old server did not take', () => {
    const { allow_direct: _, ...old } = desiredConfig(streams.WB_RUNS, undefined);
    expect(differences(desiredConfig(streams.WB_RUNS, undefined), old)).toEqual([
      { field: 'allow_direct', wanted: true, got: undefined },
    ]);
    const other = { ...old, allow_direct: true, subjects: ['x.>'] };
    expect(differences(desiredConfig(streams.WB_RUNS, undefined), other)).toMatchObject([
      { field: 'subjects' },
    ]);
  });

  it('is weakened by taking back a refusal, not by adding one', () => {
    const bounded = desiredConfig(streams.WB_LOGS, undefined);
    expect(weakened(bounded, { deny_purge: true })).toEqual(['deny_purge']);
    expect(weakened(desiredConfig(streams.WB_RUNS, undefined), { deny_purge: false })).toEqual([]);
  });
});
