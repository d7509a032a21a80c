/**
 * What Postgres says to a set-up that no retry mends: another password, a database that is not there, a user who may not. The
 * process that meets it ends with 78.
 */
class DatabaseRefused extends Error {
  override readonly name = 'DatabaseRefused';
  readonly code = 'database-refused';
  readonly exitCode = 78;
}

const meanings: Readonly<Record<string, string>> = {
  '28000': 'Postgres does not let the user of DATABASE_URL sign in',
  '28P01': 'Postgres does not let the user of DATABASE_URL sign in with this password',
  '3D000': 'Postgres has no database of the name in DATABASE_URL: create it, or correct the name',
  '42501': 'the user of DATABASE_URL may not make or change tables there',
};

/** Undefined for every other error. */
export function databaseRefusal(error: unknown): DatabaseRefused | undefined {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const meaning = meanings[code];
  return meaning === undefined ? undefined : new DatabaseRefused(meaning, { cause: error });
}
