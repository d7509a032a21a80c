/** `waybill logs <runId>`: the lines that a run's steps printed, as they came; `--follow` until the run has ended. */
import { stripVTControlCharacters } from 'node:util';
import { systemClock } from '@waybill/process';
import { z } from 'zod';
import { exits } from '../cli-error.ts';
import { connect } from '../connection.ts';
import { answerAs, LogChunk, Run } from '../http/answer.ts';
import type { Client } from '../http/client.ts';
import { following } from '../http/following.ts';
import { listAll } from '../http/list-all.ts';
import { interruptible } from '../interruption.ts';
import type { Command } from '../invocation.ts';
import { parseOptions } from '../invocation.ts';
import { printable, type Terminal } from '../terminal.ts';

const Options = z.object({ follow: z.boolean().optional(), json: z.boolean().optional() });

export const logs: Command = async (invocation) => {
  const { terminal } = invocation;
  const { follow, json } = parseOptions(Options, invocation);
  const { client, print } = await connect(invocation);
  const runId = encodeURIComponent(invocation.args[0] ?? '');
  const path = `/runs/${runId}/logs`;
  const show = await shower(client, runId, terminal);
  if (follow !== true) {
    const { answer, items } = await listAll(client, path, LogChunk);
    print(answer, () => items.map(show).join(''));
    return exits.ok;
  }
  return interruptible(terminal, async (signal) => {
    const chunks = following(client, client.inOrg(path), {
      after: '0',
      signal,
      clock: systemClock,
      onBreak: (reason) => terminal.err(`waybill: ${reason}, going on\n`),
    });
    let lastSeq = 0;
    for await (const { event, data } of chunks) {
      if (event === 'end') break;
      const chunk = answerAs(LogChunk, JSON.parse(data));
      // An archive that was cut off is told from its beginning again.
      if (chunk.seq <= lastSeq) continue;
      lastSeq = chunk.seq;
      terminal.out(json === true ? `${data}\n` : show(chunk));
    }
    return exits.ok;
  });
};

/** Lines as they are; where several jobs print, behind the name of theirs. */
async function shower(
  client: Client,
  runId: string,
  terminal: Terminal,
): Promise<(chunk: LogChunk) => string> {
  const run = answerAs(Run, await client.get(client.inOrg(`/runs/${runId}`)));
  const names = new Map(run.jobs.map((job) => [job.jobId, job.name]));
  const width = Math.max(...run.jobs.map((job) => job.name.length), 0);
  return ({ jobId, lines }) => {
    const name = names.get(jobId) ?? jobId;
    const prefix = names.size > 1 ? `${name.padEnd(width)} | ` : '';
    return lines
      .map((line) => `${terminal.style('dim', prefix)}${lineFor(line, terminal)}\n`)
      .join('');
  };
}

/** To a file or a pipe as it came; a terminal would obey what a stranger wrote. */
export const lineFor = (line: string, { live }: Pick<Terminal, 'live'>): string =>
  live ? printable(stripVTControlCharacters(line)) : line;
