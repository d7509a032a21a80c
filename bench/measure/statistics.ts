/** Small statistics over repetitions and samples. Pure; an empty sample gives NaN, never an error. */

export type Spread = Readonly<{ median: number; min: number; max: number; count: number }>;

/** Between two samples it interpolates, as most tools do. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const place = (sorted.length - 1) * share;
  const below = sorted[Math.floor(place)];
  const above = sorted[Math.ceil(place)];
  if (below === undefined || above === undefined) return Number.NaN;
  return below + (above - below) * (place - Math.floor(place));
}

export const median = (samples: readonly number[]): number => quantile(samples, 0.5);

/** Of the numbers that are finite: a repetition that measured nothing does not count. */
export function spread(samples: readonly number[]): Spread {
  const finite = samples.filter((sample) => Number.isFinite(sample));
  return {
    median: median(finite),
    min: finite.length === 0 ? Number.NaN : Math.min(...finite),
    max: finite.length === 0 ? Number.NaN : Math.max(...finite),
    count: finite.length,
  };
}

/** Each number as a multiple of its partner of the same repetition. */
export const ratios = (
  numbers: readonly number[],
  partners: readonly number[],
): readonly number[] =>
  numbers.flatMap((number, index) => {
    const partner = partners[index];
    return partner === undefined ? [] : [number / partner];
  });
