/** What an agent puts into the `data` of a status: agents differ in where, and nothing of it is sure to be there. */
type Data = Readonly<Record<string, unknown>> | undefined;

export function recordIn(data: Data, key: string): Readonly<Record<string, unknown>> {
  const value = data?.[key];
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>) // just checked to be an object
    : {};
}

/** Why, in `data.error` or `data.reason`, as text or as an object with a message. */
export function reasonIn(data: Data): string | null {
  for (const key of ['reason', 'error']) {
    const value = data?.[key];
    const text =
      typeof value === 'object' && value !== null && 'message' in value ? value.message : value;
    if (typeof text === 'string' && text !== '') return text.slice(0, 500).toWellFormed();
  }
  return null;
}

/** Agents that know a job's limit may end it themselves, and then say so at the beginning of the reason. */
export const saysOverTime = (data: Data): boolean => reasonIn(data)?.startsWith(OVER_TIME) ?? false;
export const OVER_TIME = 'job_timeout';
