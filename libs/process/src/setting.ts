/**
 * Schemas for single environment variables: text in, a checked value out. `secretSetting` marks one
 * whose value is never shown and may also come from the file that `<NAME>_FILE` names.
 */
import { z } from 'zod';
import { logLevels } from './logger.ts';

const secretMark = z.registry<{ secret: true }>();

/** Marks the schema, by default any text that is not empty: `secretSetting().optional()`. */
export function secretSetting(): z.ZodString;
export function secretSetting<S extends z.ZodType>(schema: S): S;
export function secretSetting(schema: z.ZodType = z.string().min(1)): z.ZodType {
  const marked = schema.clone();
  secretMark.add(marked, { secret: true });
  return marked;
}

/** Also through `optional`, `default`, `pipe` and the like. */
export function isSecretSetting(schema: z.core.$ZodType): boolean {
  return layersOf(schema).some((layer) => secretMark.get(layer)?.secret === true);
}

/** The schema and those it wraps, outermost first. */
export function layersOf(schema: z.core.$ZodType): readonly z.core.$ZodType[] {
  if (schema instanceof z.core.$ZodPipe) {
    return [schema, ...layersOf(schema._zod.def.in), ...layersOf(schema._zod.def.out)];
  }
  if (
    schema instanceof z.core.$ZodOptional ||
    schema instanceof z.core.$ZodDefault ||
    schema instanceof z.core.$ZodPrefault ||
    schema instanceof z.core.$ZodNullable ||
    schema instanceof z.core.$ZodReadonly
  ) {
    return [schema, ...layersOf(schema._zod.def.innerType)];
  }
  return [schema];
}

export const textSetting = () => z.string().trim().min(1);

export const wholeNumberSetting = (o: Readonly<{ min: number; max: number }>) =>
  z
    .string()
    .trim()
    .refine((text) => /^-?\d{1,15}$/.test(text) && Number(text) >= o.min && Number(text) <= o.max, {
      error: `must be a whole number from ${o.min} to ${o.max}`,
    })
    .transform(Number);

/** 0 lets the system choose. */
export const portSetting = () => wholeNumberSetting({ min: 0, max: 65_535 });

const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** `250ms`, `10s`, `5m`, `2h`, `1d`, or a plain number of milliseconds. */
export const durationSetting = () =>
  z.string().transform((text, context) => {
    const [, count, unit] = /^\s*(\d{1,12})\s*(ms|s|m|h|d)?\s*$/.exec(text) ?? [];
    if (count !== undefined) return Number(count) * (unitMs[unit ?? 'ms'] ?? 1);
    context.addIssue({
      code: 'custom',
      message: 'must be a duration such as 250ms, 10s, 5m or 2h',
    });
    return z.NEVER;
  });

export const boolSetting = () =>
  z.string().transform((text, context) => {
    const word = text.trim().toLowerCase();
    if (['true', '1', 'yes', 'on'].includes(word)) return true;
    if (['false', '0', 'no', 'off'].includes(word)) return false;
    context.addIssue({ code: 'custom', message: 'must be true or false' });
    return z.NEVER;
  });

export const logLevelSetting = () => z.enum(logLevels);

/** One absolute URL with one of the given schemes (`https:`). */
export const urlSetting = (schemes: readonly string[] = ['http:', 'https:']) =>
  z
    .string()
    .trim()
    .refine((text) => schemes.includes(schemeOf(text)), {
      error: `must be a URL that begins with ${schemes.join('// or ')}//`,
    });

const natsSchemes = ['nats:', 'tls:', 'ws:', 'wss:'];

/** One or more servers with commas between, the scheme optional, as every NATS tool takes them. */
export const natsUrlSetting = () =>
  z
    .string()
    .trim()
    .refine((text) => natsServers(text).length > 0 && natsServers(text).every(isNatsServer), {
      error: 'must be one or more addresses such as nats://host:4222 with commas between',
    });

export function natsServers(natsUrl: string): string[] {
  return natsUrl
    .split(',')
    .map((server) => server.trim())
    .filter((server) => server !== '');
}

function isNatsServer(server: string): boolean {
  return natsSchemes.includes(schemeOf(server.includes('://') ? server : `nats://${server}`));
}

function schemeOf(text: string): string {
  return URL.canParse(text) ? new URL(text).protocol : '';
}
