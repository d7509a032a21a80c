/**
 * The pools, from a file of YAML or JSON: `pools`, each with name, labels, min, max, concurrency, idleTimeout and startTimeout. All that
 * is wrong with it is said at once, and nothing is started.
 */
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { ConfigError, durationSetting } from '@waybill/process';
import { wire } from '@waybill/protocol';
import { parse } from 'yaml';
import { z } from 'zod';
import type { Pool } from './domain/scaler.ts';

const { labelCharsMax, labelsMax, concurrencyMax } = wire.wireLimits;
const agentsMax = 1_000;

/** Runners read their labels from a list with commas between. */
const label = z
  .string()
  .trim()
  .min(1)
  .max(labelCharsMax)
  .refine((text) => !text.includes(','), { error: 'must not hold a comma' });

const PoolEntry = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'must be 1 to 32 lower case letters, digits or "-"'),
    labels: z
      .array(label)
      .max(labelsMax - 3)
      .default([]),
    min: z.int().min(0).max(agentsMax).default(0),
    max: z.int().min(1).max(agentsMax),
    concurrency: z.int().min(1).max(concurrencyMax).default(1),
    idleTimeout: durationSetting().default(60_000),
    startTimeout: durationSetting().default(30_000),
  })
  .refine(({ min, max }) => min <= max, { path: ['min'], error: 'must not be more than max' })
  .refine(({ idleTimeout }) => idleTimeout > 0, { path: ['idleTimeout'], error: 'must not be 0' })
  .refine(({ startTimeout }) => startTimeout >= 1_000, {
    path: ['startTimeout'],
    error: 'must be 1s or more',
  });

const PoolFile = z
  .strictObject({ pools: z.array(PoolEntry).min(1) })
  .refine(({ pools }) => new Set(pools.map(({ name }) => name)).size === pools.length, {
    path: ['pools'],
    error: 'must have names of their own',
  });
type PoolEntry = z.infer<typeof PoolEntry>;

/** Where no file is named. */
const usual: readonly PoolEntry[] = [PoolEntry.parse({ name: 'local', max: 2 })];

export async function readPools(file: string | undefined): Promise<readonly Pool[]> {
  const entries = file === undefined ? usual : await entriesOf(file);
  return entries.map(({ idleTimeout, startTimeout, labels, ...pool }) => ({
    ...pool,
    labels: [...new Set([...labels, ...hostLabels()])],
    idleTimeoutMs: idleTimeout,
    startTimeoutMs: startTimeout,
  }));
}

async function entriesOf(file: string): Promise<readonly PoolEntry[]> {
  const read = PoolFile.safeParse(await documentOf(file));
  if (read.success) return read.data.pools;
  throw new ConfigError(
    read.error.issues.map(({ path, message }) => ({
      variable: 'WAYBILL_SCALER_POOLS',
      problem: `${path.join('.')} in ${file}: ${message}`,
    })),
  );
}

async function documentOf(file: string): Promise<unknown> {
  try {
    return parse(await readFile(file, 'utf8'), { maxAliasCount: 100 });
  } catch (error) {
    const said = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new ConfigError([
      { variable: 'WAYBILL_SCALER_POOLS', problem: `${file} cannot be read: ${said}` },
    ]);
  }
}

/** What a runner says of its host by itself. */
const hostLabels = (): readonly string[] => [
  `os:${process.platform}`,
  `arch:${process.arch}`,
  `host:${hostname()}`,
];
