/** `waybill agents logs <agent>`: an agent's own logs, collected through its gateway, as a ZIP. */
import { z } from 'zod';
import { connect } from '../connection.ts';
import type { Command } from '../invocation.ts';
import { parseOptions } from '../invocation.ts';
import { writeDownload } from '../output-file.ts';
import { sizeText } from '../text/size-text.ts';

const number = z
  .string()
  .regex(/^\d{1,12}$/, 'must be a whole number')
  .transform(Number)
  .optional();
const Options = z.object({
  hours: number,
  maxBytes: number,
  out: z.string().min(1).optional(),
});

export const agentsLogs: Command = async (invocation) => {
  const { hours, maxBytes, out } = parseOptions(Options, invocation);
  const { terminal, args } = invocation;
  const { client } = await connect(invocation);
  const agentId = args[0] ?? '';
  const content = JSON.stringify({ hours, maxBytes });
  const response = await client.download(
    client.inOrg(`/agents/${encodeURIComponent(agentId)}/logs`),
    { body: { type: 'application/json', content } },
  );
  const file = out ?? `${agentId.replaceAll(/[^\w.-]/g, '_')}-logs.zip`;
  terminal.err(`${file}: ${sizeText(await writeDownload(response, file, terminal))}\n`);
  return 0;
};
