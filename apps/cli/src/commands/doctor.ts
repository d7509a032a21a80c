/**
 * `waybill doctor`: what is there, what is wrong, and what to do about it. Looks at everything, whatever it finds on the way;
 * the only thing it changes is streams that are missing or differ, as every start does.
 */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  commonVariables,
  createLogger,
  readConfig,
  safeError,
  systemClock,
} from '@waybill/process';
import { z } from 'zod';
import { readCredentials } from '../credentials.ts';
import { exitCodeOfFindings, type Finding, note, ok, wrong } from '../doctor/finding.ts';
import { checkNats } from '../doctor/nats-check.ts';
import { checkPostgres } from '../doctor/postgres-check.ts';
import type { Command, Invocation } from '../invocation.ts';
import { type Reachable, reachable } from '../local/reach.ts';
import { UpConfig } from '../local/up-config.ts';
import { readSettings } from '../settings.ts';
import { printable, type Style } from '../terminal.ts';

export const doctor: Command = async (invocation) => {
  const { terminal, options } = invocation;
  const tools = { clock: systemClock, log: createLogger({ name: 'waybill', level: 'silent' }) };
  const findings: Finding[] = [checkConfiguration(invocation), ...(await checkHome(invocation))];
  const servers = await reachable(invocation).catch((error: unknown) => error);
  if (isReachable(servers)) {
    const [nats, postgres] = await Promise.all([
      checkNats(servers, tools),
      checkPostgres(servers.config.DATABASE_URL, tools.log),
    ]);
    findings.push(...nats, ...postgres);
  } else {
    const code =
      servers instanceof Error && 'exitCode' in servers && servers.exitCode === 78 ? 78 : 69;
    findings.push(
      wrong(
        'servers',
        safeError(servers).message,
        code,
        'Start `waybill up`, or set NATS_URL and DATABASE_URL.',
      ),
    );
  }
  findings.push(...(await checkServices(invocation)));
  const code = exitCodeOfFindings(findings);
  if (options['json'] === true)
    terminal.out(`${JSON.stringify({ ok: code === 0, checks: findings }, null, 2)}\n`);
  else terminal.out(findings.map((finding) => lineOf(finding, terminal.style)).join(''));
  return code;
};

const isReachable = (value: unknown): value is Reachable =>
  typeof value === 'object' && value !== null && 'config' in value;

function checkConfiguration({ terminal }: Invocation): Finding {
  try {
    readConfig(UpConfig, terminal.env, { known: commonVariables });
    return ok('environment', 'every variable can be read');
  } catch (error) {
    return wrong(
      'environment',
      safeError(error).message,
      78,
      'Correct the variables that are named.',
    );
  }
}

async function checkHome(invocation: Invocation): Promise<readonly Finding[]> {
  const settings = await readSettings(invocation).catch(
    (error: unknown) => safeError(error).message,
  );
  if (typeof settings === 'string') return [note('home', settings)];
  const file = join(settings.home, 'credentials.json');
  const known = await readCredentials(settings.home).catch(() => undefined);
  if (known === undefined)
    return [
      note(
        'home',
        `no credentials.json in ${settings.home}; the environment or the options name everything`,
      ),
    ];
  const { mode } = await stat(file);
  if (process.platform !== 'win32' && (mode & 0o077) !== 0)
    return [wrong('home', `${file} can be read by others`, 78, `chmod 600 ${file}`)];
  return [ok('home', settings.home)];
}

const Report = z.looseObject({
  ready: z.boolean(),
  checks: z.array(
    z.looseObject({ name: z.string(), ready: z.boolean(), reason: z.string().optional() }),
  ),
});

async function checkServices(invocation: Invocation): Promise<readonly Finding[]> {
  try {
    const { url } = await readSettings(invocation);
    const response = await fetch(`${url}/readyz`).catch(() => undefined);
    if (response === undefined)
      return [
        wrong(
          'services',
          `nothing answers at ${url}`,
          69,
          'Start `waybill up`, or correct --url or WAYBILL_URL.',
        ),
      ];
    const report = Report.safeParse(await response.json().catch(() => undefined));
    if (!report.success)
      return [
        wrong(
          'services',
          `what answers at ${url} is not Waybill`,
          69,
          'Correct --url or WAYBILL_URL.',
        ),
      ];
    const unready = report.data.checks.filter(({ ready }) => !ready);
    if (report.data.ready)
      return [
        ok('services', `ready at ${url}: ${report.data.checks.map(({ name }) => name).join(', ')}`),
      ];
    return unready.map(({ name, reason }) =>
      wrong(
        'services',
        `${name} is not ready: ${reason ?? 'no reason given'}`,
        1,
        'Its log has the cause.',
      ),
    );
  } catch (error) {
    return [note('services', safeError(error).message)];
  }
}

const marks: Readonly<Record<Finding['status'], readonly [string, Style]>> = {
  ok: ['ok', 'green'],
  note: ['note', 'yellow'],
  wrong: ['wrong', 'red'],
};

function lineOf(
  { name, status, detail, fix }: Finding,
  style: (style: Style, text: string) => string,
): string {
  const [mark, color] = marks[status];
  const advice = fix === undefined ? '' : `\n${' '.repeat(20)}${printable(fix)}`;
  return `${style(color, mark.padEnd(6))} ${name.padEnd(12)} ${printable(detail)}${advice}\n`;
}
