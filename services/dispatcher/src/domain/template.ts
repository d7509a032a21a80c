/**
 * `${{ event.path }}` in the strings of a rule: replaced by the value at that path of the trigger's payload. A path that is not
 * there becomes the empty string; an object becomes JSON. Values are inserted as they are: a script that cares takes them
 * through `env`, where no shell reads them.
 */

const EXPRESSION = /\$\{\{\s*event((?:\.[A-Za-z0-9_-]+)*)\s*\}\}/g;

/** A copy of a JSON value in which every string has been rendered; keys stay as they are. */
export function render<T>(value: T, event: unknown): T {
  // The copy has the shape of the original: strings become strings, all else is kept or descended into.
  return rendered(value, event) as T;
}

function rendered(value: unknown, event: unknown): unknown {
  if (typeof value === 'string')
    return value.includes('${{')
      ? value.replaceAll(EXPRESSION, (_, path: string) => textAt(event, path))
      : value;
  if (Array.isArray(value)) return value.map((each) => rendered(each, event));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, rendered(each, event)]),
  );
}

function textAt(event: unknown, path: string): string {
  let at: unknown = event;
  for (const key of path.split('.').slice(1)) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return '';
    at = Reflect.get(at, key);
  }
  if (at === undefined || at === null) return '';
  return typeof at === 'string' ? at : JSON.stringify(at);
}
