/** What the command line says, with its exit codes, and the lines in the log of a process. */
import type { Tree } from '../tidy/tree.ts';
import { literalsIn } from './literal.ts';
import { codes, type ExitSource, everywhere, mayBe, type Source, texts } from './source.ts';
import {
  callsOf,
  captures,
  type Places,
  sourcesIn,
  textsLike,
  textsOfCalls,
} from './source-search.ts';

const cli = ['apps/cli/src/'];

export const commandLine: readonly Source[] = [
  codes(
    'Exit codes',
    captures(['apps/cli/src/cli-error.ts', 'libs/process/src/exit-code.ts'], /^ {2}\w+: (\d+),$/gm),
  ),
  texts('Words of waybill', textsOfCalls(cli, /\bnew CliError/, 1)),
  texts('Words of waybill', textsOfCalls(cli, /\busageError/, 0)),
  texts('Words of waybill', textsLike(cli, /^must /)),
  texts('Words of waybill', textsLike(cli, /^write it |there is no rule in it/)),
  texts('Words of waybill', textsLike(cli, /^the runner was refused/)),
  texts('Words of waybill', (tree) =>
    textsOfCalls(
      cli,
      /\bterminal\.err/,
      0,
    )(tree).flatMap((text) => text.split(/^waybill: /m).slice(1)),
  ),
  mayBe(texts('Words of waybill', textsOfCalls(cli, /\b(?:terminal\.err|say)/, 0))),
  texts('What waybill doctor finds', textsOfCalls(cli, /\bwrong/, 1)),
  texts('What waybill doctor finds', textsOfCalls(cli, /\bnote/, 1)),
];

export const lines: readonly Source[] = [
  texts(
    'Lines in the log of a process',
    textsOfCalls(everywhere, /\blog\??\.(?:warn|error|fatal)/, -1),
  ),
];

const numbersIn = (tree: Tree, place: string, pattern: RegExp): ReadonlyMap<string, number> =>
  new Map(
    [...(tree.byPath.get(place)?.text ?? '').matchAll(pattern)].map((match) => [
      match[1] ?? '',
      Number(match[2]),
    ]),
  );

/** Calls whose first argument names the exit code and whose second is the message. */
const endings =
  (places: Places, callee: RegExp, numbers: (tree: Tree) => ReadonlyMap<string, number>) =>
  (tree: Tree): ReturnType<ExitSource['said']> =>
    sourcesIn(tree, places)
      .flatMap((file) => callsOf(file, callee))
      .flatMap(([name = '', message = '']) => {
        const exit = numbers(tree).get(name.trim().replaceAll(/^exits\.|'/g, ''));
        return exit === undefined ? [] : literalsIn(message).map((text) => ({ text, exit }));
      });

export const exitSources: readonly ExitSource[] = [
  {
    section: 'Words of waybill',
    column: 1,
    said: endings(cli, /\bnew CliError/, (tree) =>
      numbersIn(tree, 'apps/cli/src/cli-error.ts', /^ {2}(\w+): (\d+),$/gm),
    ),
  },
  {
    section: 'NATS and Postgres',
    column: 2,
    said: endings(['libs/embedded/'], /\bnew EmbeddedError/, (tree) =>
      numbersIn(tree, 'libs/embedded/src/embedded-error.ts', /^ {2}'([a-z-]+)': (\d+),$/gm),
    ),
  },
];
