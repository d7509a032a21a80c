import { describe, expect, it } from 'vitest';
import { run } from './program.ts';
import type { Terminal } from './terminal.ts';

type Told = Readonly<{ code: number; out: string; err: string }>;

async function waybill(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Told> {
  let [out, err] = ['', ''];
  const deaf = { on: () => undefined, off: () => undefined };
  const terminal: Terminal = {
    env: { WAYBILL_HOME: 'nowhere', ...env },
    cwd: import.meta.dirname,
    out: (text) => (out += text),
    err: (text) => (err += text),
    live: false,
    width: 80,
    style: (_style, text) => text,
    styleErr: (_style, text) => text,
    stdin: async function* () {},
    signals: deaf,
    parent: { once: () => undefined, stdin: { once: () => undefined, resume: () => undefined } },
    exit: () => undefined,
  };
  const code = await run(argv, terminal);
  return { code, out, err };
}

describe('the command line', () => {
  it.each([
    [['--help'], 0],
    [['help', 'runs'], 0],
    [['runs', 'ls', '--help'], 0],
    [[], 2],
    [['runs'], 2],
    [['bogus'], 2],
    [['runs', 'bogus'], 2],
    [['verify'], 2],
    [['streams', 'ls'], 2],
    [['runs', 'ls', '--bogus'], 2],
    [['runs', 'get'], 2],
    [['runs', 'get', 'a', 'b'], 2],
    [['runs', 'ls', '--limit', '0'], 2],
    [['runs', 'ls', '--url', 'ftp://x'], 2],
    [['runs', 'get', 'x', '--at', 'soon'], 2],
    [['trigger', '--source', 'x'], 2],
    [['up', '--durability', 'sometimes'], 2],
    [['runs', 'create', '-f', 'missing.json', '--url', 'http://127.0.0.1:9'], 2],
    [['runs', 'ls'], 78],
    [['up', '--port', 'x'], 78],
    [['runs', 'ls', '--url', 'http://127.0.0.1:9'], 69],
    [['projections', 'status'], 69],
  ])('%j ends with %d', async (argv, code) => expect(await waybill(argv)).toMatchObject({ code }));

  it('answers an unknown command with the one that was probably meant', async () => {
    const { err, out } = await waybill(['trigge']);
    expect(err).toContain("unknown command 'trigge'");
    expect(err).toContain('trigger');
    expect(out).toBe('');
  });

  it('names every variable that is wrong, and what was probably meant', async () => {
    const { code, err } = await waybill(['up'], { WAYBILL_PRT: '1', LOG_LEVEL: 'loud' });
    expect(code).toBe(78);
    expect(err).toContain('WAYBILL_PRT: is unknown: did you mean WAYBILL_PORT?');
    expect(err).toContain('LOG_LEVEL');
  });

  it('says how to find Waybill when it does not know where it is', async () => {
    const { err } = await waybill(['runs', 'ls']);
    expect(err).toContain('waybill up');
    expect(err).toContain('--url');
  });
});
