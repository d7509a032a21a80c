/** `waybill artifacts ls|get`: what the jobs of a run have left behind, and one of it as a file. */
import path from 'node:path';
import { systemClock } from '@waybill/process';
import { z } from 'zod';
import { connect } from '../connection.ts';
import { Artifact, answerAs, pageOf } from '../http/answer.ts';
import type { Command } from '../invocation.ts';
import { parseOptions } from '../invocation.ts';
import { writeDownload } from '../output-file.ts';
import { sizeText } from '../text/size-text.ts';
import { table } from '../text/table.ts';
import { whenText } from '../text/time-text.ts';

export const artifactsLs: Command = async (invocation) => {
  const { terminal, args } = invocation;
  const { client, print } = await connect(invocation);
  const runId = encodeURIComponent(args[0] ?? '');
  const answer = await client.get(client.inOrg(`/runs/${runId}/artifacts`));
  const { items } = answerAs(pageOf(Artifact), answer);
  print(answer, () => {
    if (items.length === 0) terminal.err('no artifacts\n');
    const nowMs = systemClock.now();
    const rows = items.map((each) => [
      each.name,
      sizeText(each.sizeBytes),
      each.mediaType ?? '-',
      each.jobId,
      whenText(each.createdAt, nowMs, terminal.live),
    ]);
    return items.length === 0
      ? ''
      : table(['NAME', 'SIZE', 'TYPE', 'JOB', 'CREATED'], rows, {
          width: terminal.live ? terminal.width : undefined,
        });
  });
  return 0;
};

const Options = z.object({ out: z.string().min(1).optional() });

export const artifactsGet: Command = async (invocation) => {
  const { out } = parseOptions(Options, invocation);
  const { terminal, args } = invocation;
  const { client } = await connect(invocation);
  const [runId = '', name = ''] = args;
  const place = `/runs/${encodeURIComponent(runId)}/artifacts/${name.split('/').map(encodeURIComponent).join('/')}`;
  const response = await client.download(client.inOrg(place));
  const file = out ?? (path.basename(name) || 'artifact');
  const bytes = await writeDownload(response, file, terminal);
  terminal.err(`${file}: ${sizeText(bytes)}\n`);
  return 0;
};
