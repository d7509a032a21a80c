/**
 * What stands in the place of a guard that is taken away: by default it lets everything pass. Some guards only save work, and are
 * said to be missed by nobody: without those every seed has to stay green.
 */

export type Absence = Readonly<{
  by: string;
  /** Why nothing breaks without it. */
  onlySaves?: string;
}>;

const passes: Absence = { by: '(...said) => true' };

const absences: Readonly<Record<string, Absence>> = {
  /** Something is expected that nobody ever stores. */
  expectationOf: {
    by: "() => ({ filter: 'wb.v1.run.none.none.none.>', lastSeq: 0 })",
  },
  holdsLease: {
    by: '() => true',
    onlySaves: 'two deciders make the same decisions, and the log keeps one of each',
  },
};

export const absenceOf = (guard: string): Absence => absences[guard] ?? passes;
