/** What is met around the log and the tables: outages, wrong set-ups, what ends a process, unreadable messages. */

import { codes, everywhere, type Source, texts } from './source.ts';
import { captures, membersOf, textsOfCalls } from './source-search.ts';

export const log: readonly Source[] = [
  codes('A NATS that cannot be used', textsOfCalls(everywhere, /\bnew JournalError/, 0), 1),
  codes('A NATS that cannot be used', membersOf('libs/journal/src/journal-error.ts', 'Code ='), 1),
  texts('A NATS that cannot be used', textsOfCalls(everywhere, /\bnew JournalError/, 1)),
  codes('Outages', textsOfCalls(everywhere, /\bnew Outage/, 0), 1),
  texts('Outages', textsOfCalls(everywhere, /\bnew Outage/, 1)),
  codes('What ends a process', captures(everywhere, /readonly code = '([a-z]+(?:-[a-z]+)*)'/g), 1),
  codes('What ends a process', membersOf('libs/process/src/seal-error.ts', 'code:'), 1),
  texts('What ends a process', textsOfCalls(everywhere, /\bnew (?:SealError|StopIncomplete)/, 1)),
  texts(
    'What ends a process',
    textsOfCalls(
      everywhere,
      /\bnew (?:LogRegressed|NewerVersion|CheckpointMoved|MigrationFailed)/,
      0,
    ),
  ),
  texts(
    'What ends a process',
    textsOfCalls(
      [
        'libs/process/src/lifecycle.ts',
        'services/projector/src/shell/record-writer.ts',
        'apps/runner/src/parent-watch.ts',
      ],
      /\bsuper/,
      0,
    ),
  ),
  codes('What the log refuses', membersOf('libs/journal/src/answer.ts', 'RefusalCode =')),
  codes('Unreadable messages', membersOf('libs/protocol/src/envelope.ts', 'code:')),
  texts('Run records', captures(['libs/readmodel/src/'], /raise exception '([^'%]+)/g)),
  codes(
    'Rows that differ',
    membersOf('services/projector/src/shell/table-comparison.ts', 'problem:'),
  ),
];
