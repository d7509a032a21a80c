import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { Header } from 'tar';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ArchiveRefused, pack, unpack } from './archive.ts';
import { contentHash, hashFiles } from './content-hash.ts';

function scratch(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'waybill-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

type Entry = Readonly<{
  path: string;
  type?: 'File' | 'SymbolicLink' | 'Link' | 'CharacterDevice';
  link?: string;
  text?: string;
}>;

/** An archive as no honest tool would write it. */
function archiveOf(entries: readonly Entry[]): string {
  const blocks = entries.flatMap(({ path: name, type = 'File', link, text = '' }) => {
    const header = new Header({
      path: name,
      type,
      mode: 0o644,
      size: text.length,
      ...(link === undefined ? {} : { linkpath: link }),
    });
    header.encode();
    const body = Buffer.alloc(Math.ceil(text.length / 512) * 512);
    body.write(text);
    return [header.block ?? Buffer.alloc(512), body];
  });
  const file = path.join(scratch(), 'a.tar.gz');
  writeFileSync(file, gzipSync(Buffer.concat([...blocks, Buffer.alloc(1_024)])));
  return file;
}

describe('an archive', () => {
  it('comes out as it went in', async () => {
    const from = scratch();
    mkdirSync(path.join(from, 'a/b'), { recursive: true });
    writeFileSync(path.join(from, 'a/b/c.txt'), 'hello');
    const file = path.join(scratch(), 'x.tgz');
    await pack(file, from, ['a']);
    const to = path.join(scratch(), 'new');
    await unpack(file, to);
    expect(readFileSync(path.join(to, 'a/b/c.txt'), 'utf8')).toBe('hello');
    expect(await contentHash(to)).toBe(await contentHash(from));
  });

  it('may hold links that stay inside', async () => {
    const to = scratch();
    const file = archiveOf([
      { path: 'bin/tool', text: 'x' },
      { path: 'lib/tool', type: 'SymbolicLink', link: '../bin/tool' },
    ]);
    await unpack(file, to);
    expect(readFileSync(path.join(to, 'lib/tool'), 'utf8')).toBe('x');
  });

  it.each<readonly [string, readonly Entry[]]>([
    ['an absolute path', [{ path: '/tmp/waybill-escape', text: 'x' }]],
    ['a way up', [{ path: 'a/../../escape', text: 'x' }]],
    ['a link that leads out', [{ path: 'a', type: 'SymbolicLink', link: '../..' }]],
    ['a link to an absolute path', [{ path: 'a', type: 'SymbolicLink', link: '/etc' }]],
    [
      'a link that leads out over another one',
      [
        { path: 'd/up', type: 'SymbolicLink', link: '..' },
        { path: 'out', type: 'SymbolicLink', link: 'd/up/..' },
      ],
    ],
    ['a hard link that leads out', [{ path: 'a', type: 'Link', link: '../../etc/passwd' }]],
    ['a device', [{ path: 'a', type: 'CharacterDevice' }]],
  ])('with %s is refused', async (_, entries) => {
    const outer = scratch();
    const to = path.join(outer, 'x', 'y');
    await expect(unpack(archiveOf(entries), to)).rejects.toThrow(ArchiveRefused);
    expect(existsSync(path.join(outer, 'escape'))).toBe(false);
    expect(existsSync(path.join(outer, 'x', 'escape'))).toBe(false);
    expect(existsSync('/tmp/waybill-escape')).toBe(false);
  });

  it('that is too large or no archive is refused', async () => {
    const file = archiveOf([
      { path: 'a', text: 'x'.repeat(100) },
      { path: 'b', text: 'x' },
    ]);
    await expect(unpack(file, scratch(), { bytesMax: 99, entriesMax: 9 })).rejects.toThrow(
      '99 bytes',
    );
    await expect(unpack(file, scratch(), { bytesMax: 999, entriesMax: 1 })).rejects.toThrow(
      '1 entries',
    );
    const broken = path.join(scratch(), 'broken');
    writeFileSync(broken, 'this is no archive at all');
    await expect(unpack(broken, scratch())).rejects.toThrow(ArchiveRefused);
  });
});

describe('the hash of a tree', () => {
  it('knows paths and contents, and nothing of .git', async () => {
    const folder = scratch();
    writeFileSync(path.join(folder, 'a'), 'one');
    const before = await contentHash(folder);
    // Fixed for ever: others compute it too.
    expect(before).toBe('67e37e19e67617558dcd4d7cdee3f45a8a49d49af0a833b902e7f7a9e4e6ab64');
    mkdirSync(path.join(folder, '.git'));
    writeFileSync(path.join(folder, '.git', 'x'), 'y');
    expect(await contentHash(folder)).toBe(before);
    writeFileSync(path.join(folder, 'b'), '');
    expect(await contentHash(folder)).not.toBe(before);
  });

  it('of named files is empty where there are none', async () => {
    const folder = scratch();
    mkdirSync(path.join(folder, 'x'));
    writeFileSync(path.join(folder, 'package-lock.json'), '{}');
    writeFileSync(path.join(folder, 'x', 'package-lock.json'), '{}');
    const one = await hashFiles(folder, ['package-lock.json']);
    const both = await hashFiles(folder, ['**/package-lock.json']);
    expect(one).toMatch(/^[0-9a-f]{64}$/);
    expect(both).toMatch(/^[0-9a-f]{64}$/);
    expect(both).not.toBe(one);
    expect(await hashFiles(folder, ['*.toml', '../*'])).toBe('');
  });
});
