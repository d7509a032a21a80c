import { readFileSync } from 'node:fs';
import { Config as GatewayConfig } from '@waybill/agent-gateway/config';
import { Config as ApiConfig } from '@waybill/api/config';
import { Config as DispatcherConfig } from '@waybill/dispatcher/config';
import { type ConfigRow, commonVariables, describeConfig } from '@waybill/process';
import { Config as ProjectorConfig } from '@waybill/projector/config';
import { Config as RunnerConfig } from '@waybill/runner';
import { Config as ScalerConfig } from '@waybill/scaler/config';
import { Config as SchedulerConfig } from '@waybill/scheduler/config';
import { describe, expect, it } from 'vitest';
import { UpConfig } from './up-config.ts';

const schemas = [
  UpConfig,
  ApiConfig,
  GatewayConfig,
  DispatcherConfig,
  SchedulerConfig,
  ProjectorConfig,
  RunnerConfig,
  ScalerConfig,
];
/** What every process has anyway. */
const system = ['PATH', 'LANG'];

const text = readFileSync(new URL('../../../../env.example', import.meta.url), 'utf8');
const entries = [...text.matchAll(/^# (.+)\n# ([A-Z][A-Z0-9_]*)=(.*)$/gm)].map(
  ([, comment = '', name = '', value = '']) => ({
    comment,
    name,
    value,
  }),
);

function rowsByName(): ReadonlyMap<string, ConfigRow> {
  const rows = new Map<string, ConfigRow>();
  for (const row of schemas.flatMap(describeConfig))
    if (!rows.has(row.name) && !system.includes(row.name)) rows.set(row.name, row);
  return rows;
}

describe('env.example', () => {
  const rows = rowsByName();

  it('has every variable that a part reads, once, and no other', () => {
    expect(entries.map(({ name }) => name).toSorted()).toEqual([...rows.keys()].toSorted());
  });

  it('says which are secrets, gives none of them a value, and has the defaults of the others', () => {
    for (const { name, value, comment } of entries) {
      const row = rows.get(name);
      expect({ name, secret: comment.endsWith('(secret)') }).toEqual({ name, secret: row?.secret });
      expect({ name, value }).toEqual({
        name,
        value: row?.default === '[]' ? '' : (row?.default ?? ''),
      });
    }
  });

  it('names nothing that a start would take for a mistake', () => {
    const known = [...commonVariables, 'NATS_SERVER_BIN'];
    expect(entries.map(({ name }) => name).filter((name) => !known.includes(name))).toEqual([]);
  });
});
