/** `waybill` as it is called, in this process: what it ends with and what it says. */
import { run } from './program.ts';
import type { Terminal } from './terminal.ts';

export type Told = Readonly<{ code: number; out: string; err: string }>;

export async function waybill(
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
