/**
 * What work with models has used, as sums over the reports of its agents. Money is counted in whole billionths of a dollar, so
 * that the order and the number of the reports never change a sum.
 */
import type { UsageReported } from './work-body.ts';

/** Sums by unit; a unit that was never used is absent. */
export type Usage = Readonly<Partial<Record<UsageUnit, number>>>;

export const usageUnits = [
  'modelCalls',
  'toolCalls',
  'memoryOperations',
  'retrievals',
  'inputTokens',
  'outputTokens',
  'cacheReadInputTokens',
  'cacheCreationInputTokens',
  'reasoningOutputTokens',
  'costNanoUsd',
] as const;
export type UsageUnit = (typeof usageUnits)[number];

export const noUsage: Usage = {};

type Entry = UsageReported['entries'][number];

const callUnits: Readonly<Record<Entry['kind'], UsageUnit>> = {
  model_call: 'modelCalls',
  tool_call: 'toolCalls',
  memory_operation: 'memoryOperations',
  retrieval: 'retrievals',
};

const usageOf = (entry: Entry): Usage => ({
  [callUnits[entry.kind]]: 1,
  inputTokens: entry['gen_ai.usage.input_tokens'] ?? 0,
  outputTokens: entry['gen_ai.usage.output_tokens'] ?? 0,
  cacheReadInputTokens: entry['gen_ai.usage.cache_read.input_tokens'] ?? 0,
  cacheCreationInputTokens: entry['gen_ai.usage.cache_creation.input_tokens'] ?? 0,
  reasoningOutputTokens: entry['gen_ai.usage.reasoning.output_tokens'] ?? 0,
  costNanoUsd: entry.costUsd === undefined ? 0 : nanoUsd(entry.costUsd),
});

/** Of decimal text as the wire takes it: 6 digits before the point, 9 behind it. */
export function nanoUsd(text: string): number {
  const [dollars = '0', fraction = ''] = text.split('.');
  return Number(dollars) * 1e9 + Number(fraction.padEnd(9, '0').slice(0, 9));
}

export const usd = (nano: number): number => nano / 1e9;

export function addUsage(...parts: readonly Usage[]): Usage {
  const sum: Partial<Record<UsageUnit, number>> = {};
  for (const part of parts)
    for (const unit of usageUnits) {
      const more = part[unit] ?? 0;
      // Past what a number holds exactly nothing is added: a sum that is too small is better than one that is wrong.
      if (more > 0) sum[unit] = Math.min(Number.MAX_SAFE_INTEGER, (sum[unit] ?? 0) + more);
    }
  return sum;
}

export const usageIn = ({ entries }: UsageReported): Usage => addUsage(...entries.map(usageOf));

/** Without the money, for whoever shows it in dollars beside it. */
export function withoutCost({ costNanoUsd: _cost, ...units }: Usage): Omit<Usage, 'costNanoUsd'> {
  return units;
}
