/** The matrix of a job: every combination of its values is a job of its own, which is named after them. Pure. */

export type Variant = Readonly<Record<string, string | number | boolean>>;
type Matrix = Readonly<Record<string, readonly (string | number | boolean)[]>>;
type Written = Readonly<{ name: string; matrix?: Matrix | undefined }>;

export const variantsCount = ({ matrix = {} }: Written): number =>
  Object.values(matrix).reduce((product, values) => product * values.length, 1);

/** Every combination, the last name moving fastest; one without values where there is no matrix. */
export const variantsOf = ({ matrix = {} }: Written): readonly Variant[] =>
  Object.entries(matrix).reduce<readonly Variant[]>(
    (made, [key, values]) =>
      made.flatMap((variant) => values.map((value) => ({ ...variant, [key]: value }))),
    [{}],
  );

export const variantName = ({ name, matrix }: Written, variant: Variant): string =>
  matrix === undefined ? name : `${name} (${Object.values(variant).join(', ')})`;
