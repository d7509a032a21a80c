/**
 * What a command sees of its process: environment, two outputs, signals. `main.ts` makes the real one; tests make their own.
 * Data goes to `out`, everything about its making to `err`.
 */
import type { styleText } from 'node:util';
import type { ParentLink } from '@waybill/runner';

export type Style = Parameters<typeof styleText>[0];

/** What of `process` a command that stays needs for its end. */
export type Signals = Readonly<{
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  off(event: string, listener: (...args: unknown[]) => void): unknown;
}>;

export type Terminal = Readonly<{
  env: Readonly<Record<string, string | undefined>>;
  cwd: string;
  out(text: string): void;
  err(text: string): void;
  /** Whether a person reads `out`: then times are relative and tables fit the width. */
  live: boolean;
  width: number;
  style(style: Style, text: string): string;
  /** The same for `err`, which may go somewhere else. */
  styleErr(style: Style, text: string): string;
  stdin(): AsyncIterable<Uint8Array | string>;
  signals: Signals;
  /** The process that started this one, as far as its end can be noticed. */
  parent: ParentLink;
  /** Ends the process now: for what runs until a signal. Everything else returns its exit code. */
  exit(code: number): void;
}>;

/** Control characters of strangers' text would be obeyed by a terminal. Tabs and newlines stay. */
export const printable = (text: string): string =>
  text.replaceAll(/\p{Cc}/gu, (character) =>
    character === '\t' || character === '\n'
      ? character
      : `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
