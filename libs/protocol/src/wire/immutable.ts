/** A value as a reader may hold it: the same shape with every property and element readonly. */
type Atom = string | number | boolean | bigint | symbol | null | undefined;

export type Immutable<T> = T extends Atom
  ? T
  : T extends readonly (infer Element)[]
    ? readonly Immutable<Element>[]
    : T extends object
      ? { readonly [Key in keyof T]: Immutable<T[Key]> }
      : T;
