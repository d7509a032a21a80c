/**
 * A service's variables as rows: what documents and `env.example` are written from and tested
 * against.
 */
import { z } from 'zod';
import { isSecretSetting, layersOf } from './setting.ts';

export type ConfigRow = Readonly<{
  name: string;
  required: boolean;
  secret: boolean;
  default: string | undefined;
  description: string;
}>;

/** One row a variable, in the schema's order: for documents and `env.example`. */
export function describeConfig(schema: z.ZodObject): readonly ConfigRow[] {
  const settings = Object.entries<z.core.$ZodType>(schema.shape);
  return settings.map(([name, setting]) => ({
    name,
    required: !z.safeParse(setting, undefined).success,
    secret: isSecretSetting(setting),
    default: defaultOf(setting),
    description:
      layersOf(setting).flatMap((layer) => z.globalRegistry.get(layer)?.description ?? [])[0] ?? '',
  }));
}

function defaultOf(setting: z.core.$ZodType): string | undefined {
  for (const layer of layersOf(setting)) {
    if (layer instanceof z.core.$ZodDefault || layer instanceof z.core.$ZodPrefault) {
      const value: unknown = layer._zod.def.defaultValue;
      return typeof value === 'string' ? value : JSON.stringify(value);
    }
  }
  return undefined;
}
