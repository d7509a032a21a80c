/** What a command that talks to a running Waybill begins with: settings, a client, and whether JSON is wanted. */
import { type Client, createClient } from './http/client.ts';
import type { Invocation } from './invocation.ts';
import { readSettings, type Settings } from './settings.ts';

export type Connected = Readonly<{
  client: Client;
  settings: Settings;
  /** The answer as one JSON document if `--json` asks for it, else as the text that `show` makes. */
  print(answer: unknown, show: () => string): void;
}>;

export async function connect(invocation: Invocation): Promise<Connected> {
  const settings = await readSettings(invocation);
  const { terminal, options } = invocation;
  const wantsJson = options['json'] === true;
  return {
    client: createClient(settings),
    settings,
    print: (answer, show) =>
      terminal.out(wantsJson ? `${JSON.stringify(answer, null, 2)}\n` : show()),
  };
}
