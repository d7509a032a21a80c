import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect, it, type TestContext } from 'vitest';
import { openFileLimit, outOfOpenFiles } from './open-files.ts';

const onLinux = (context: TestContext): void => {
  if (process.platform !== 'linux') context.skip('only Linux tells its limit of open files');
};

it('the limit is a number of files, and not all of them are open here', async (context) => {
  onLinux(context);
  expect(openFileLimit()).toBeGreaterThan(20);
  expect(await outOfOpenFiles()).toBe(false);
});

it('a process that has opened all that it may is told so', (context) => {
  onLinux(context);
  const file = path.join(import.meta.dirname, 'open-files.ts');
  const program = `
    import { openSync, closeSync } from 'node:fs';
    import { openFileLimit, outOfOpenFiles } from ${JSON.stringify(file)};
    const said = [openFileLimit(), await outOfOpenFiles()];
    const files = [];
    try { for (;;) files.push(openSync('/dev/null')); } catch {}
    said.push(await outOfOpenFiles());
    closeSync(files[0]);
    said.push(await outOfOpenFiles());
    console.log(JSON.stringify(said));`;
  const run = 'ulimit -n 64 && exec "$0" --input-type=module-typescript -e "$1"';
  const { stdout, stderr } = spawnSync('sh', ['-c', run, process.execPath, program], {
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toEqual([64, false, true, false]);
});
