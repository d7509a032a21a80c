import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { commonSettings, commonVariables } from './common-setting.ts';
import { readConfig } from './config.ts';
import { ConfigError } from './config-error.ts';
import { describeConfig } from './config-row.ts';
import { maskSecrets } from './secret-value.ts';
import {
  boolSetting,
  durationSetting,
  isSecretSetting,
  natsServers,
  natsUrlSetting,
  portSetting,
  secretSetting,
  urlSetting,
} from './setting.ts';

const anyText: unknown = expect.any(String);
const folder = mkdtempSync(join(tmpdir(), 'config-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

function problemsOf(read: () => unknown): ConfigError {
  try {
    read();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('the configuration was accepted');
}

const schema = z.object({
  LOG_LEVEL: commonSettings.LOG_LEVEL,
  NATS_URL: commonSettings.NATS_URL,
  NATS_PASSWORD: commonSettings.NATS_PASSWORD,
  WAYBILL_PORT: commonSettings.WAYBILL_PORT,
  WAYBILL_API_KEY: secretSetting(z.string().regex(/^key_/)).describe('The key'),
});
const good = { NATS_URL: 'nats://one:4222', WAYBILL_API_KEY: 'key_0123456789' };

describe('readConfig', () => {
  test('returns checked values, with the defaults, frozen', () => {
    const config = readConfig(schema, { ...good, WAYBILL_PORT: '8080', UNRELATED: 'x' });
    expect(config).toEqual({ ...good, LOG_LEVEL: 'info', WAYBILL_PORT: 8080 });
    expect(Object.isFrozen(config)).toBe(true);
  });

  test('freezes what lies inside too', () => {
    const config = readConfig(
      z.object({ LIST: z.string().transform((text) => ({ words: text.split(',') })) }),
      {
        LIST: 'a,b',
      },
    );
    expect(() => config.LIST.words.push('c')).toThrow(TypeError);
  });

  test('takes a variable that is set to nothing as absent', () => {
    expect(readConfig(schema, { ...good, WAYBILL_PORT: '', NATS_PASSWORD: '' }).WAYBILL_PORT).toBe(
      7070,
    );
  });

  test('reports every problem at once, with the names of the variables', () => {
    const error = problemsOf(() =>
      readConfig(schema, { LOG_LEVEL: 'loud', WAYBILL_PORT: '99999' }),
    );
    expect(error.exitCode).toBe(78);
    expect(error.problems).toEqual([
      { variable: 'LOG_LEVEL', problem: anyText },
      { variable: 'NATS_URL', problem: 'is required' },
      { variable: 'WAYBILL_PORT', problem: 'must be a whole number from 0 to 65535, got "99999"' },
      { variable: 'WAYBILL_API_KEY', problem: 'is required (or WAYBILL_API_KEY_FILE)' },
    ]);
    expect(error.message).toContain('got "loud"');
    expect(error.message).toContain('4 problems:\n  LOG_LEVEL: ');
  });

  test('reads a secret from its file, without the line end', () => {
    const path = file('password', 'from a file\r\n');
    expect(readConfig(schema, { ...good, NATS_PASSWORD_FILE: path }).NATS_PASSWORD).toBe(
      'from a file',
    );
  });

  test('refuses a secret that is given twice, by an unreadable file, and by an empty one', () => {
    const env = {
      NATS_URL: good.NATS_URL,
      NATS_PASSWORD: 'hunter2hunter2',
      WAYBILL_API_KEY_FILE: join(folder, 'none'),
    };
    const error = problemsOf(() =>
      readConfig(schema, { ...env, NATS_PASSWORD_FILE: file('twice', 'other') }),
    );
    expect(error.problems).toEqual([
      { variable: 'NATS_PASSWORD', problem: 'is given twice: also as NATS_PASSWORD_FILE' },
      { variable: 'WAYBILL_API_KEY_FILE', problem: 'names a file that cannot be read (ENOENT)' },
    ]);
    const empty = problemsOf(() =>
      readConfig(schema, { ...good, NATS_PASSWORD_FILE: file('empty', '\n') }),
    );
    expect(empty.problems).toEqual([
      { variable: 'NATS_PASSWORD_FILE', problem: 'names an empty file' },
    ]);
  });

  test('never repeats the value of a secret, even where its schema does', () => {
    const leaky = z.object({
      TOKEN: secretSetting(
        z.string().refine(() => false, { error: (issue) => `wrong value ${String(issue.input)}` }),
      ).optional(),
    });
    const error = problemsOf(() => readConfig(leaky, { TOKEN: 'tiny' }));
    expect(error.message).toContain('wrong value [redacted]');
    expect(error.message).not.toContain('tiny');
    expect(
      problemsOf(() => readConfig(schema, { ...good, WAYBILL_API_KEY: 'not-so-secret-9' })).message,
    ).not.toContain('not-so-secret-9');
  });

  test('masks user info of an address that it shows', () => {
    const error = problemsOf(() =>
      readConfig(schema, { ...good, NATS_URL: 'http://u:p4ssw0rd@host' }),
    );
    expect(error.message).not.toContain('p4ssw0rd');
  });

  test('masks the secrets it has read in everything written from then on', () => {
    readConfig(schema, { ...good, NATS_PASSWORD: 'read-by-config-1' });
    expect(maskSecrets('login with read-by-config-1 failed')).toBe('login with [redacted] failed');
    readConfig(schema, { ...good, NATS_URL: 'nats://a:4222,nats://user:pass-in-address@b:4222' });
    expect(maskSecrets('sent pass-in-address')).toBe('sent [redacted]');
  });

  test('names an unknown variable of ours and what was probably meant', () => {
    const env = {
      ...good,
      WAYBILL_PROT: '1',
      WAYBILL_XYZZY_PLUGH: '1',
      WAYBILL_URL: 'http://a',
      WAYBILL_AGENT_TOKEN_FILE: 'x',
    };
    expect(problemsOf(() => readConfig(schema, env, { known: commonVariables })).problems).toEqual([
      { variable: 'WAYBILL_PROT', problem: 'is unknown: did you mean WAYBILL_PORT?' },
      { variable: 'WAYBILL_XYZZY_PLUGH', problem: 'is unknown' },
    ]);
    expect(readConfig(schema, env).NATS_URL).toBe(good.NATS_URL);
  });

  test('reports a rule that spans several variables', () => {
    const both = schema.refine((value) => value.WAYBILL_PORT !== 1, { error: 'port 1 needs more' });
    const error = problemsOf(() => readConfig(both, { ...good, WAYBILL_PORT: '1' }));
    expect(error.problems).toEqual([{ variable: 'configuration', problem: 'port 1 needs more' }]);
  });
});

test('describeConfig has a row a variable, without any value of a secret', () => {
  expect(describeConfig(schema)).toEqual([
    {
      name: 'LOG_LEVEL',
      required: false,
      secret: false,
      default: 'info',
      description: 'What is logged, at least',
    },
    {
      name: 'NATS_URL',
      required: true,
      secret: false,
      default: undefined,
      description: anyText,
    },
    {
      name: 'NATS_PASSWORD',
      required: false,
      secret: true,
      default: undefined,
      description: 'Password at NATS',
    },
    {
      name: 'WAYBILL_PORT',
      required: false,
      secret: false,
      default: '7070',
      description: anyText,
    },
    {
      name: 'WAYBILL_API_KEY',
      required: true,
      secret: true,
      default: undefined,
      description: 'The key',
    },
  ]);
});

test('every common setting says what it is, and no secret or address has a default', () => {
  const rows = describeConfig(z.object(commonSettings));
  expect(rows.filter((row) => row.description === '')).toEqual([]);
  const bare = rows.filter((row) => row.secret || row.name.endsWith('_URL'));
  expect(bare.filter((row) => row.default !== undefined)).toEqual([]);
});

describe('settings', () => {
  test.each([
    ['250ms', 250],
    ['10s', 10_000],
    ['5 m', 300_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
    ['1500', 1_500],
  ])('the duration %s is %d ms', (text, ms) => {
    expect(durationSetting().parse(text)).toBe(ms);
  });

  test.each(['', 'soon', '-1s', '1.5s', '10 s m'])('"%s" is no duration', (text) => {
    expect(durationSetting().safeParse(text).success).toBe(false);
  });

  test('booleans have four words each', () => {
    expect(['true', '1', 'YES', 'on'].map((text) => boolSetting().parse(text))).toEqual([
      true,
      true,
      true,
      true,
    ]);
    expect(['false', '0', 'no', 'off'].map((text) => boolSetting().parse(text))).toEqual([
      false,
      false,
      false,
      false,
    ]);
    expect(boolSetting().safeParse('maybe').success).toBe(false);
  });

  test.each(['', '1.5', '0x10', '1e3', '-1', '65536', ' '])('"%s" is no port', (text) => {
    expect(portSetting().safeParse(text).success).toBe(false);
  });

  test('addresses of NATS may lack the scheme and be several', () => {
    const setting = natsUrlSetting();
    expect(setting.safeParse('nats://a:4222, tls://b:4222,localhost:4222').success).toBe(true);
    expect(natsServers('nats://a:4222, b:1')).toEqual(['nats://a:4222', 'b:1']);
    expect(
      ['', ',', 'http://a', 'nats://a b'].map((text) => setting.safeParse(text).success),
    ).toEqual([false, false, false, false]);
  });

  test('a URL needs one of its schemes', () => {
    expect(urlSetting().safeParse('https://a/b').success).toBe(true);
    expect(urlSetting().safeParse('a/b').success).toBe(false);
    expect(commonSettings.DATABASE_URL.safeParse('postgres://u:p@h/db').success).toBe(true);
    expect(commonSettings.DATABASE_URL.safeParse('postgresql:///db?host=/run').success).toBe(true);
    expect(commonSettings.DATABASE_URL.safeParse('mysql://h/db').success).toBe(false);
  });

  test('the mark of a secret survives whatever is built around it', () => {
    const marked = secretSetting();
    for (const schema of [
      marked,
      marked.optional(),
      marked.default('x'),
      marked.describe('d'),
      marked.min(3),
      marked.transform((text) => text.length),
      marked.describe('d').min(3).transform(Number).optional().readonly(),
    ]) {
      expect(isSecretSetting(schema)).toBe(true);
    }
    expect(isSecretSetting(z.string())).toBe(false);
  });
});
