/**
 * The secrets of a job as its steps get them: as variables, those of a context under `CONTEXT__KEY`, and in one file that only
 * its user can read. A step that names the ones it wants gets no others.
 */
import { writeFile } from 'node:fs/promises';
import type { wire } from '@waybill/protocol';

type Variables = Readonly<Record<string, string>>;
type Contexts = NonNullable<wire.JobDispatch['namespacedSecrets']>;

export type SecretSet = Readonly<{
  variables: Variables;
  contexts: Contexts;
  /** Of those that were asked for by name, the ones there are; undefined where nobody asked. */
  accessed: readonly string[] | undefined;
}>;

export function secretSet(dispatch: wire.JobDispatch, wanted?: readonly string[]): SecretSet {
  const { secrets = {}, namespacedSecrets = {} } = dispatch;
  const named = new Map<string, string>();
  for (const [context, values] of Object.entries(namespacedSecrets))
    for (const [key, value] of Object.entries(values)) named.set(variableOf(context, key), value);
  const all: Variables = { ...Object.fromEntries(named), ...secrets };
  if (wanted === undefined)
    return { variables: all, contexts: namespacedSecrets, accessed: undefined };
  const isWanted = (name: string): boolean => wanted.includes(name);
  return {
    variables: Object.fromEntries(Object.entries(all).filter(([name]) => isWanted(name))),
    contexts: Object.fromEntries(
      Object.entries(namespacedSecrets).map(([context, values]) => [
        context,
        Object.fromEntries(
          Object.entries(values).filter(([key]) => isWanted(variableOf(context, key))),
        ),
      ]),
    ),
    accessed: [...new Set(wanted)].filter((name) => Object.hasOwn(all, name)),
  };
}

export const writeContexts = (file: string, { contexts }: SecretSet): Promise<void> =>
  writeFile(file, JSON.stringify(contexts), { mode: 0o600 });

/** `NEEDS_BUILD__TOKEN` for the key `token` of the context `needs.build`. */
const variableOf = (context: string, key: string): string =>
  `${wordOf(context)}__${wordOf(key)}`.replace(/^(?=\d)/, '_');

const wordOf = (name: string): string => name.toUpperCase().replaceAll(/[^A-Z0-9_]/gu, '_');
