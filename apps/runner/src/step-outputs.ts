/** What steps hand on: lines `key=value` that they append to the file in WAYBILL_OUTPUT. Secrets are hidden in it. */
import { growingFile } from './growing-file.ts';
import type { SecretMask } from './secret-mask.ts';

export type StepOutputs = Readonly<Record<string, string>>;

const charsMax = 65_536;
const keyPattern = /^[A-Za-z_][\w.-]{0,127}$/;

export function parseOutputs(text: string, mask: SecretMask): StepOutputs {
  const entries = text
    .slice(0, charsMax)
    .split('\n')
    .flatMap((line): [string, string][] => {
      const [key, value] = outputOf(line) ?? [];
      return key === undefined || value === undefined ? [] : [[key, mask.hide(value)]];
    });
  return Object.fromEntries(entries);
}

/** Name and value of a line; undefined where it is none. */
export function outputOf(line: string): readonly [string, string] | undefined {
  const at = line.indexOf('=');
  const key = line.slice(0, Math.max(at, 0)).trim();
  if (!keyPattern.test(key)) return undefined;
  // Databases cannot hold the character 0.
  return [
    key,
    line
      .slice(at + 1)
      .replace(/\r$/, '')
      .replaceAll('\0', ''),
  ];
}

/** A step may do with its file what it likes: remove it, or put something else in its place. */
export const readOutputs = (file: string, mask: SecretMask): StepOutputs =>
  parseOutputs(growingFile(file).end().join('\n'), mask);
