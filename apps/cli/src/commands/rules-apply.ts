/** `waybill rules apply <file…>`: creates and changes rules. Exit code 1 if any document was refused; the others stand. */
import { applyRules } from '../apply-rules.ts';
import { exits } from '../cli-error.ts';
import { connect } from '../connection.ts';
import type { Command } from '../invocation.ts';
import { printable } from '../terminal.ts';

export const rulesApply: Command = async (invocation) => {
  const { terminal, args } = invocation;
  const { client, print } = await connect(invocation);
  const { applied, mistakes } = await applyRules(client, args, terminal);
  const lines = applied.map(
    ({ name, generation, unchanged }) =>
      `rule ${name}: generation ${generation}${unchanged ? ', unchanged' : ''}\n`,
  );
  print({ items: applied, mistakes }, () => lines.join(''));
  if (mistakes.length === 0) return exits.ok;
  const count = mistakes.length === 1 ? '1 mistake' : `${mistakes.length} mistakes`;
  terminal.err(
    `${mistakes.map(printable).join('\n')}\nwaybill: ${count}; what has one was not applied\n`,
  );
  return exits.failure;
};
