/**
 * Log lines for a person at a terminal: time, level, service, message, then the fields. The same
 * content as in JSON.
 */
import { Writable } from 'node:stream';

const shown: ReadonlySet<string> = new Set(['time', 'level', 'service', 'version', 'msg', 'err']);

/** Takes JSON lines and writes readable ones. */
export function prettyStream(destination: Readonly<{ write(text: string): unknown }>): Writable {
  return new Writable({
    decodeStrings: false,
    write: (chunk: unknown, _encoding, done) => {
      for (const line of String(chunk).split('\n'))
        if (line !== '') destination.write(`${prettyLine(line)}\n`);
      done();
    },
  });
}

function prettyLine(line: string): string {
  const entry: unknown = JSON.parse(line);
  if (typeof entry !== 'object' || entry === null) return line;
  const fields = new Map(Object.entries(entry));
  const time = String(fields.get('time')).slice(11, 23);
  const level = String(fields.get('level')).padEnd(5);
  const message = printable(String(fields.get('msg') ?? ''));
  const head = `${time} ${level} ${String(fields.get('service'))}: ${message}`;
  const rest = [...fields].filter(([key]) => !shown.has(key));
  const tail = rest.map(([key, value]) => ` ${printable(key)}=${fieldText(value)}`).join('');
  return head + tail + errorText(fields.get('err'));
}

function fieldText(value: unknown): string {
  return typeof value === 'string' && /^[\w.:/@+[\]-]+$/.test(value)
    ? value
    : printable(JSON.stringify(value));
}

function errorText(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '';
  const text = 'stack' in error ? error.stack : 'message' in error ? error.message : '';
  const cause = 'cause' in error ? errorText(error.cause).replace('\n  ', '\n  caused by ') : '';
  const lines = String(text)
    .split('\n')
    .map((line) => `\n  ${printable(line.trim())}`);
  return lines.join('') + cause;
}

/** A terminal obeys control characters, and logs quote strangers. */
function printable(text: string): string {
  return text.replaceAll(
    /\p{Cc}/gu,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}
