/** `waybill projections status|rebuild|verify`: the tables that are folded from the log. Records are compared, never dropped. */
import {
  projectionStatus,
  rebuildProjections,
  verifyProjections,
} from '@waybill/projector/projections';
import { exits } from '../cli-error.ts';
import type { Command, Invocation } from '../invocation.ts';
import { withServers } from '../local/reach.ts';
import { printable } from '../terminal.ts';
import { table } from '../text/table.ts';

const print = ({ terminal, options }: Invocation, answer: unknown, show: () => string): void =>
  terminal.out(options['json'] === true ? `${JSON.stringify(answer, null, 2)}\n` : show());

export const status: Command = async (invocation) => {
  const items = await withServers(invocation, projectionStatus);
  print(invocation, { items }, () =>
    table(
      ['STREAM', 'FOLDED TO', 'LOG ENDS AT', 'LAG', 'LOG'],
      items.map((each) => [
        each.stream,
        String(each.checkpoint),
        String(each.lastSeq),
        String(each.lag),
        each.sameLog ? 'same' : 'ANOTHER ONE',
      ]),
    ),
  );
  if (items.every((each) => each.sameLog)) return exits.ok;
  invocation.terminal.err(
    'waybill: the tables were folded from another log. `waybill projections rebuild` folds this one.\n',
  );
  return exits.failure;
};

export const rebuild: Command = async (invocation) => {
  const { terminal } = invocation;
  terminal.err(
    'waybill: folding the log again from its first sequence; readers see the old rows until it is done\n',
  );
  const items = await withServers(invocation, rebuildProjections);
  const mismatched = items.flatMap(({ records }) => records.mismatched);
  print(invocation, { items }, () =>
    table(
      [
        'STREAM',
        'EVENTS',
        'ROWS',
        'UP TO',
        'UNREADABLE',
        'RECORDS COMPARED',
        'WRITTEN',
        'DIFFERENT',
      ],
      items.map(({ stream, events, rows, upToSeq, unreadable, records }) =>
        [
          stream,
          events,
          rows,
          upToSeq,
          unreadable,
          records.compared,
          records.written,
          records.mismatched.length,
        ].map(String),
      ),
    ),
  );
  for (const { runId, stored, folded } of mismatched)
    terminal.err(
      `waybill: the record of run ${runId} is stored as ${stored}, and the log folds to ${folded}\n`,
    );
  return mismatched.length === 0 ? exits.ok : exits.failure;
};

export const verify: Command = async (invocation) => {
  const { terminal } = invocation;
  const report = await withServers(invocation, verifyProjections);
  print(invocation, report, () => {
    const streams = report.streams.map(({ stream, upToSeq, events }) => [
      stream,
      String(upToSeq),
      String(events),
    ]);
    const rows = report.tables.map((each) => [
      each.table,
      String(each.rows),
      String(each.differences),
    ]);
    return `${table(['STREAM', 'UP TO', 'EVENTS'], streams)}\n${table(['TABLE', 'ROWS', 'DIFFERENCES'], rows)}`;
  });
  for (const { table: name, key, problem } of report.differences)
    terminal.err(printable(`waybill: ${name} ${key}: ${problem}`) + '\n');
  terminal.err(
    report.ok
      ? 'waybill: every row is what the log says\n'
      : 'waybill: the tables differ from the log; `waybill projections rebuild` mends them\n',
  );
  return report.ok ? exits.ok : exits.failure;
};
