/** `waybill provenance get <digest>`: who attests where an artefact is from, and the newest attestation as a file. */
import { systemClock } from '@waybill/process';
import { z } from 'zod';
import { connect } from '../connection.ts';
import { Attestation, answerAs, pageOf } from '../http/answer.ts';
import type { Command } from '../invocation.ts';
import { parseOptions } from '../invocation.ts';
import { writeDownload } from '../output-file.ts';
import { sizeText } from '../text/size-text.ts';
import { table } from '../text/table.ts';
import { whenText } from '../text/time-text.ts';

const Options = z.object({ out: z.string().min(1).optional() });

export const provenanceGet: Command = async (invocation) => {
  const { out } = parseOptions(Options, invocation);
  const { terminal, args } = invocation;
  const { client, print } = await connect(invocation);
  // As tools print it: `sha256:…`.
  const digest = encodeURIComponent((args[0] ?? '').replace(/^[a-z0-9]+:/, '').toLowerCase());
  const answer = await client.get(client.inOrg(`/provenance/${digest}`));
  const { items } = answerAs(pageOf(Attestation), answer);
  print(answer, () => {
    const nowMs = systemClock.now();
    const rows = items.map((each) => [
      each.subjectName,
      each.mediaType,
      each.runId,
      each.trust,
      each.jobId,
      whenText(each.createdAt, nowMs, terminal.live),
    ]);
    return table(['SUBJECT', 'TYPE', 'RUN', 'TRUST', 'JOB', 'CREATED'], rows, {
      width: terminal.live ? terminal.width : undefined,
    });
  });
  if (out === undefined) return 0;
  const response = await client.download(client.inOrg(`/provenance/${digest}/content`));
  terminal.err(`${out}: ${sizeText(await writeDownload(response, out, terminal))}\n`);
  return 0;
};
