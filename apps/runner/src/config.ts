/** The runner's settings. What steps may see of the runner's own environment is only what is named here. */
import {
  boolSetting,
  commonSettings,
  durationSetting,
  textSetting,
  urlSetting,
  wholeNumberSetting,
} from '@waybill/process';
import { wire } from '@waybill/protocol';
import { z } from 'zod';

const labelsSetting = () =>
  z.string().transform((text) =>
    text
      .split(',')
      .map((label) => label.trim())
      .filter((label) => label !== ''),
  );

export const Config = z.object({
  LOG_LEVEL: commonSettings.LOG_LEVEL,
  WAYBILL_URL: urlSetting(['http:', 'https:', 'ws:', 'wss:']).describe(
    'Address of Waybill; a ws: address is dialled as it stands, to an http: address /ws is added',
  ),
  WAYBILL_AGENT_TOKEN: commonSettings.WAYBILL_AGENT_TOKEN,
  WAYBILL_AGENT_ID: textSetting()
    .refine((id) => id.length <= wire.wireLimits.agentIdCharsMax, {
      error: `must have at most ${wire.wireLimits.agentIdCharsMax} characters`,
    })
    .describe('Name of this runner, unique in its organisation; made from the host name if absent')
    .optional(),
  WAYBILL_AGENT_LABELS: labelsSetting()
    .describe('What this runner can do, with commas between; jobs are routed by these')
    .default([]),
  WAYBILL_RUNNER_CONCURRENCY: wholeNumberSetting({ min: 1, max: 1_000 })
    .describe('How many jobs run at once')
    .default(1),
  WAYBILL_RUNNER_DIR: textSetting()
    .describe(
      'Folder for workspaces and undelivered results; one in the temporary folder if absent',
    )
    .optional(),
  WAYBILL_RUNNER_DRAIN: durationSetting()
    .describe('How long running jobs may go on after the runner was asked to stop')
    .default(30_000),
  WAYBILL_RUNNER_IDLE_TIMEOUT: durationSetting()
    .describe('When a runner that a scaler started leaves for having nothing to do')
    .default(60_000),
  WAYBILL_RUNNER_PENDING_DISPATCH_TIMEOUT: durationSetting()
    .describe('How long such a runner waits for the job that it was started for')
    .default(300_000),
  WAYBILL_RUNNER_SEND_LOG: boolSetting()
    .describe('Send the runner’s own log to Waybill too')
    .default(false),
  WAYBILL_RUNNER_PARENT_PIPE: boolSetting()
    .describe('Stop when the process that started the runner is gone (needs an IPC channel)')
    .default(false),
  PATH: textSetting().describe('Where steps find programs').default('/usr/local/bin:/usr/bin:/bin'),
  LANG: textSetting().describe('Language and encoding of steps').default('C.UTF-8'),
});
export type Config = Readonly<z.infer<typeof Config>>;

/** The address that the agent dials. */
export function agentUrl(url: string): string {
  const parsed = new URL(url);
  if (parsed.protocol === 'ws:' || parsed.protocol === 'wss:') return url;
  parsed.protocol = parsed.protocol === 'https:' ? 'wss:' : 'ws:';
  parsed.pathname = `${parsed.pathname.replace(/\/+$/, '')}/ws`;
  return parsed.href;
}
