/** What the work of a run has used and left behind, as a person reads it. */
import type { Run } from '../http/answer.ts';
import { sizeText } from './size-text.ts';

/** Nothing of what was never used. */
export function workFacts(run: Run): readonly (readonly [string, string])[] {
  const { usage = {}, costUsd = 0, artifacts = [] } = run;
  const used = Object.entries(usage).map(
    ([unit, count]) => `${count.toLocaleString('en')} ${unitText(unit)}`,
  );
  const left = artifacts.map(({ name, sizeBytes }) => `${name} (${sizeText(sizeBytes)})`);
  return [
    ...(used.length === 0 ? [] : [['used', used.join(', ')] as const]),
    ...(costUsd === 0 ? [] : [['cost', `$${costUsd}`] as const]),
    ...(left.length === 0 ? [] : [['artifacts', left.join(', ')] as const]),
  ];
}

/** `inputTokens` is read as `input tokens`. */
const unitText = (unit: string): string =>
  unit.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
