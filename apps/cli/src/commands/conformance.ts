/**
 * `waybill conformance agent|server`: tries an agent, or a server, of the agent protocol against named checks. A line for each as
 * it ends, why it failed with the frame that was wrong, and exit 1 if any has failed.
 */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import {
  agentChecks,
  type Capability,
  type CheckResult,
  checkAgent,
  checkServer,
  kitJobNames,
  readKitJobs,
  serverChecks,
} from '@waybill/conformance';
import { closest, registerSecretValue, systemClock } from '@waybill/process';
import { z } from 'zod';
import { CliError, exits, usageError } from '../cli-error.ts';
import { interruptible } from '../interruption.ts';
import type { Command, Invocation } from '../invocation.ts';
import { parseOptions } from '../invocation.ts';
import { printable, type Terminal } from '../terminal.ts';
import { table } from '../text/table.ts';

const address = (protocols: readonly string[]) =>
  z.string().refine(
    (text) => {
      const { protocol } = URL.parse(text) ?? {};
      return protocol !== undefined && protocols.includes(protocol);
    },
    `must be an address that begins with ${protocols.join('// or ')}//`,
  );
const common = {
  token: z.string().min(1).optional(),
  profile: z.enum(['seed', 'waybill']),
  only: z.array(z.string()).optional(),
  slow: z.boolean().optional(),
  json: z.boolean().optional(),
  timeout: z.coerce.number().positive().max(600).optional(),
};
const AgentOptions = z.object({
  ...common,
  url: address(['ws:']),
  exec: z.string().min(1).optional(),
  jobConfig: z.string().min(1).optional(),
});
const ServerOptions = z.object({
  ...common,
  url: address(['ws:', 'wss:']),
  org: z.string().min(1),
  apiUrl: address(['http:', 'https:']).optional(),
  apiKey: z.string().min(1).optional(),
});

export const conformanceAgent: Command = async (invocation) => {
  const { terminal } = invocation;
  const options = parseOptions(AgentOptions, invocation);
  const known = agentChecks.map(({ name }) => name);
  const jobs =
    options.jobConfig === undefined ? undefined : await jobsIn(options.jobConfig, invocation);
  const trial = trialOf(options, known, terminal);
  const { exec } = options;
  return interruptible(terminal, async (signal) => {
    const { results, capabilities } = await checkAgent({
      ...trial,
      url: options.url,
      token: options.token,
      exec: exec === undefined ? undefined : { command: exec, env: terminal.env },
      jobs,
      signal,
      onListening: (url) =>
        terminal.err(
          exec === undefined
            ? `waybill: point the agent at ${url}\n`
            : `waybill: listening at ${url}\n`,
        ),
    }).catch((error: unknown) => explain(error, options.url));
    return finish(options, terminal, results, capabilities);
  });
};

export const conformanceServer: Command = async (invocation) => {
  const { terminal } = invocation;
  const options = parseOptions(ServerOptions, invocation);
  const token = options.token ?? terminal.env['WAYBILL_AGENT_TOKEN'];
  if (token === undefined)
    throw usageError('--token: whom shall the agents be? Give it, or set WAYBILL_AGENT_TOKEN');
  const known = serverChecks.map(({ name }) => name);
  const trial = trialOf(options, known, terminal);
  const key = options.apiKey ?? terminal.env['WAYBILL_API_KEY'];
  for (const secret of [token, key])
    if (secret !== undefined) registerSecretValue(secret, { keep: true });
  const { org, apiUrl } = options;
  return interruptible(terminal, async (signal) => {
    const results = await checkServer({
      ...trial,
      url: options.url,
      token,
      api: apiUrl === undefined ? undefined : { url: apiUrl, org, key },
      signal,
    });
    return finish(options, terminal, results, undefined);
  });
};

type Common = z.infer<z.ZodObject<typeof common>>;

function trialOf(o: Common, known: readonly string[], terminal: Terminal) {
  const only = o.only ?? [];
  for (const name of only) {
    if (known.includes(name)) continue;
    const near = closest(name, known);
    throw usageError(
      `--only: there is no check ${printable(name)}${near === undefined ? '' : `; do you mean ${near}?`}`,
    );
  }
  const show = (result: CheckResult): void => {
    if (o.json !== true) terminal.out(lineOf(result, terminal));
    else if (terminal.live) terminal.err(lineOf(result, terminal));
  };
  return {
    clock: systemClock,
    profile: o.profile,
    only,
    slow: o.slow ?? false,
    ...(o.timeout === undefined ? {} : { withinMs: o.timeout * 1_000 }),
    onResult: show,
  };
}

async function jobsIn(file: string, { terminal }: Invocation) {
  const text = await readFile(resolve(terminal.cwd, file), 'utf8').catch((error: unknown) => {
    throw usageError(
      `--job-config: ${printable(file)} cannot be read (${codeOf(error) ?? 'unknown error'})`,
    );
  });
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    throw usageError(`--job-config: ${printable(file)} is not JSON`);
  }
  const jobs = readKitJobs(content);
  if (jobs !== undefined) return jobs;
  throw usageError(
    `--job-config: ${printable(file)} has to be { "<job>": { "jobConfig": {…}, "dispatch": {…} } }; the jobs are ${kitJobNames.join(', ')}`,
  );
}

const styles = { pass: 'green', fail: 'red', skipped: 'yellow', info: 'cyan' } as const;
const stateWidth = 8;
const nameWidth = 24;

function lineOf({ name, state, why, frame, durationMs }: CheckResult, terminal: Terminal): string {
  const style = (text: string): string => terminal.style(styles[state], text);
  const took = `${(durationMs / 1_000).toFixed(1)} s`.padStart(8);
  const reason = why === undefined ? '' : `  ${printable(why).replaceAll('\n', ' ')}`;
  const wrong = frame === undefined ? '' : `${' '.repeat(stateWidth)}${printable(frame)}\n`;
  return `${style(state.padEnd(stateWidth))}${name.padEnd(nameWidth)}${took}${reason}\n${wrong}`;
}

function finish(
  { json, profile }: Common,
  terminal: Terminal,
  results: readonly CheckResult[],
  capabilities: readonly Capability[] | undefined,
): number {
  const count = (state: CheckResult['state']): number =>
    results.filter((result) => result.state === state).length;
  const failed = count('fail');
  if (json === true) {
    const matrix = capabilities === undefined ? {} : { capabilities };
    terminal.out(`${JSON.stringify({ profile, failed, checks: results, ...matrix }, null, 2)}\n`);
  } else {
    const rows = (capabilities ?? []).map(({ name, seen }) => [name, seen]);
    if (rows.length > 0) terminal.out(`\n${table(['CAPABILITY', 'SEEN'], rows)}`);
    terminal.out(
      `\n${count('pass')} passed, ${failed} failed, ${count('skipped')} skipped, ${count('info')} told\n`,
    );
  }
  return failed === 0 ? exits.ok : exits.failure;
}

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error ? String(error.code) : undefined;

function explain(error: unknown, url: string): never {
  const code = codeOf(error);
  if (code === undefined || !/^E[A-Z]+$/.test(code)) throw error;
  throw new CliError(
    exits.unavailable,
    `${url} cannot be listened at (${code}): choose another port`,
    { cause: error },
  );
}
