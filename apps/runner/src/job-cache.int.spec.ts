import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { RequestFailed } from '@waybill/agent';
import { describe, expect, it } from 'vitest';
import { pack } from './archive.ts';
import { fileServer } from './file-server.fixture.ts';
import { ran, scratch } from './recorded-job.fixture.ts';

describe('a cache', () => {
  const cacheOf = (path_: string | readonly string[]) => [
    { key: "k-${{ hashFiles('lock') }}-${{ matrix.node }}", restoreKeys: ['k-'], path: path_ },
  ];
  const jobConfig = (path_: string | readonly string[]) => ({
    cache: cacheOf(path_),
    matrixValues: { node: 24 },
  });

  async function store() {
    const server = await fileServer();
    const asked: unknown[] = [];
    const keys = new Map<string, string>();
    const cache = {
      restore: (key: string, restoreKeys?: readonly string[]) => {
        asked.push({ key, restoreKeys });
        const found = keys.has(key) ? key : [...keys.keys()].find((each) => each.startsWith('k-'));
        return Promise.resolve(
          found === undefined
            ? undefined
            : { matchedKey: found, downloadUrl: `${server.url}${keys.get(found)}` },
        );
      },
      save: (key: string) =>
        Promise.resolve(
          keys.has(key)
            ? undefined
            : {
                uploadUrl: '',
                complete: () => undefined,
                put: (file: string) => {
                  keys.set(key, `/${keys.size}`);
                  server.files.set(`/${keys.size - 1}`, readFileSync(file));
                  return Promise.resolve();
                },
              },
        ),
    };
    return { server, asked, keys, cache };
  }

  it('that one job saves is there for the next', async () => {
    const { asked, keys, cache } = await store();
    const paths = ['deps', '~/.tool'];
    const first = await ran(
      ['ls -A; mkdir -p deps ~/.tool; echo 1 > deps/a; echo 2 > ~/.tool/b'],
      { jobConfig: jobConfig(paths) },
      { cache },
    );
    expect(first.outcome.state, first.job.lines().join('\n')).toBe('success');
    expect(asked[0]).toEqual({ key: 'k--24', restoreKeys: ['k-'] });
    expect([...keys.keys()]).toEqual(['k--24']);
    expect(first.job.lines(-1)).toEqual(['Cache not found: k--24', 'Cache saved: k--24']);
    const second = await ran(['cat deps/a ~/.tool/b'], { jobConfig: jobConfig(paths) }, { cache });
    expect(second.job.lines(0)).toEqual(['1', '2']);
    expect(second.job.lines(-1)).toEqual(['Cache restored: k--24']);
  });

  it('is not saved by a job that fails, nor where there is nothing', async () => {
    const { keys, cache } = await store();
    await ran(['mkdir deps; exit 1'], { jobConfig: jobConfig('deps') }, { cache });
    const { job } = await ran(['true'], { jobConfig: jobConfig('deps') }, { cache });
    expect(keys.size).toBe(0);
    expect(job.lines(-1).at(-1)).toContain('there is nothing to save');
  });

  it('that goes wrong, leads out or holds what it must not fails nothing', async () => {
    const { server, keys, cache } = await store();
    const escaped = path.join(scratch(), 'x');
    const evil = scratch();
    mkdirSync(path.join(evil, 'files'));
    writeFileSync(path.join(evil, 'files', 'event.json'), '"forged"');
    const tar = path.join(scratch(), 'evil.tgz');
    await pack(tar, evil, ['files']);
    keys.set('k--24', '/evil');
    server.files.set('/evil', readFileSync(tar));
    const { outcome, job } = await ran(
      ['cat "$WAYBILL_EVENT_PATH"'],
      { jobConfig: jobConfig('../../x') },
      { cache },
    );
    expect(outcome.state).toBe('success');
    expect(job.lines(0)).toEqual(['null']);
    expect(job.lines(-1).join('\n')).toContain('does not belong there');
    expect(existsSync(escaped)).toBe(false);
    const refused = await ran(
      ['true'],
      { jobConfig: jobConfig('deps') },
      {
        cache: {
          restore: () => Promise.reject(new RequestFailed('no-answer', 'late')),
          save: () => Promise.reject(new RequestFailed('no-answer', 'late')),
        },
      },
    );
    expect(refused.outcome.state).toBe('success');
  });
});
