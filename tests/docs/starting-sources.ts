/** What is met before anything runs: scripts, configuration, servers. */

import { codes, everywhere, mayBe, type Source, texts } from './source.ts';
import { captures, textsAfter, textsBetween, textsLike, textsOfCalls } from './source-search.ts';

export const starting: readonly Source[] = [
  texts('The scripts of the clone', textsOfCalls(['scripts/bootstrap.mjs'], /\bfail/, 0)),
  texts(
    'The scripts of the clone',
    textsBetween('scripts/installation.mjs', /const ADVICE = \[/, /^\];/m),
  ),
  texts(
    'The scripts of the clone',
    textsAfter(['scripts/installation.mjs'], /\bmessage: (?=`)|\badvice =\s/),
  ),
  texts(
    'The scripts of the clone',
    textsLike(['scripts/installation.mjs', 'scripts/check.ts'], /^(?:waiting for|no such check)/),
  ),
  texts(
    'The scripts of the clone',
    textsLike(['apps/cli/bin/waybill.mjs'], /pinned one is not installed/),
  ),
  texts('Configuration', textsOfCalls(['libs/process/src/config-error.ts'], /\bsuper/, 0)),
  texts(
    'Configuration',
    textsAfter(
      ['libs/process/src/config.ts', 'libs/process/src/unknown-variable.ts'],
      /\bproblem: /,
    ),
  ),
  texts(
    'Configuration',
    textsLike(
      [
        'libs/process/src/setting.ts',
        'libs/protocol/src/ids.ts',
        'services/agent-gateway/src/config.ts',
        'services/api/src/config.ts',
        'apps/runner/src/config.ts',
      ],
      /^must /,
    ),
  ),
  codes('NATS and Postgres', textsOfCalls(everywhere, /\bnew EmbeddedError/, 0), 1),
  codes(
    'NATS and Postgres',
    captures(['libs/embedded/src/embedded-error.ts'], /^ {2}'([a-z-]+)': \d+,$/gm),
    1,
  ),
  texts('NATS and Postgres', textsOfCalls(['libs/embedded/'], /\bnew EmbeddedError/, 1)),
  texts('NATS and Postgres', textsOfCalls(['libs/embedded/'], /\bstartFailed/, 1)),
  texts('NATS and Postgres', textsOfCalls(['libs/embedded/'], /\bnew Error/, 0)),
  mayBe(texts('NATS and Postgres', textsOfCalls(['libs/embedded/'], /\bsay/, 0))),
];
