/**
 * `waybill runner`: the reference agent on this machine, until a signal. Beside a Waybill whose home it knows it needs no
 * settings; elsewhere WAYBILL_URL and WAYBILL_AGENT_TOKEN say where it works.
 */
import { join } from 'node:path';
import {
  commonVariables,
  createLogger,
  readConfig,
  startParts,
  systemClock,
} from '@waybill/process';
import { Config, createRunner, parentWatch } from '@waybill/runner';
import { z } from 'zod';
import { CliError, exits } from '../cli-error.ts';
import type { Command, Invocation } from '../invocation.ts';
import { parseOptions } from '../invocation.ts';
import { live } from '../local/up-life.ts';
import { readSettings } from '../settings.ts';

const Options = z.object({
  id: z.string().min(1).optional(),
  label: z.array(z.string().min(1)).optional(),
  concurrency: z.string().optional(),
  workDir: z.string().min(1).optional(),
});

export const runner: Command = async (invocation) => {
  const { terminal } = invocation;
  const config = await configOf(invocation);
  const log = createLogger({ name: 'runner', level: config.LOG_LEVEL, pretty: terminal.live });
  const host = { clock: systemClock, log };
  const agent = createRunner(config, host);
  // With its Waybill it ends at once, without a word: what it worked on is lost, and is found to be by the next start.
  const gone = (): void => terminal.exit(exits.failure);
  const watch = config.WAYBILL_RUNNER_PARENT_PIPE ? [parentWatch(terminal.parent, gone)] : [];
  terminal.err(`waybill: runner ${agent.agentId} works for ${config.WAYBILL_URL}\n`);
  return live({
    terminal,
    log,
    // Its jobs get their time first, then what does not end gets the usual.
    start: (signal) =>
      startParts([agent, ...watch], {
        ...host,
        signal,
        stopDeadlineMs: config.WAYBILL_RUNNER_DRAIN + stopMs,
      }),
  });
};

const stopMs = 15_000;

async function configOf(invocation: Invocation): Promise<Config> {
  const { terminal } = invocation;
  const { id, label, concurrency, workDir } = parseOptions(Options, invocation);
  const { url, agentToken, home } = await readSettings(invocation);
  if (agentToken === undefined && terminal.env['WAYBILL_AGENT_TOKEN_FILE'] === undefined)
    throw new CliError(
      exits.config,
      `no agent token: there is no credentials.json in ${home}. Set WAYBILL_AGENT_TOKEN.`,
    );
  const given: Readonly<Record<string, string | undefined>> = {
    WAYBILL_URL: url,
    WAYBILL_AGENT_ID: id,
    WAYBILL_AGENT_LABELS: label?.join(','),
    WAYBILL_RUNNER_CONCURRENCY: concurrency,
    // Undelivered results belong to one Waybill: two on one machine must not share the folder.
    WAYBILL_RUNNER_DIR:
      workDir ?? terminal.env['WAYBILL_RUNNER_DIR'] ?? folderIn(home, agentToken, terminal.env),
    ...(terminal.env['WAYBILL_AGENT_TOKEN_FILE'] === undefined
      ? { WAYBILL_AGENT_TOKEN: agentToken }
      : {}),
  };
  const flags = Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined),
  );
  return readConfig(Config, { ...terminal.env, ...flags }, { known: commonVariables });
}

/** Without a home of its own Waybill on this machine, the runner takes its usual folder. */
function folderIn(
  home: string,
  agentToken: string | undefined,
  env: Invocation['terminal']['env'],
): string | undefined {
  const isLocal = agentToken !== undefined && env['WAYBILL_AGENT_TOKEN'] === undefined;
  return isLocal || env['WAYBILL_RUNNER_PARENT_PIPE'] === 'true' ? join(home, 'runner') : undefined;
}
