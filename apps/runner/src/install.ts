/**
 * The installation of dependencies before the steps: the only command that sees the tokens of private registries and the
 * secrets meant for it. Nothing of either is left for the steps.
 */
import { rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { wire } from '@waybill/protocol';
import { runCommand } from './command.ts';
import type { JobPlan } from './job-plan.ts';
import { outputTo, type StepContext } from './step-run.ts';
import { timeLimit } from './time-limit.ts';

const withinMs = 1_800_000;
const preparation = -1;
const usual = 'npm ci --no-audit --no-fund';

/** Undefined when it went well, or there was nothing to do. */
export async function install(plan: JobPlan, context: StepContext): Promise<string | undefined> {
  const command = await commandOf(plan, context);
  if (command === undefined) return undefined;
  const { job, workspace } = context;
  const { npmRegistries = [], installEnvSecrets = {} } = job.dispatch;
  const file = path.join(workspace.files, 'npmrc');
  const config = npmConfig(npmRegistries);
  if (config === undefined) return 'npmRegistries holds an address or token that cannot be used';
  const limit = timeLimit({
    clock: context.clock,
    parent: context.signal,
    what: 'installation',
    limitMs: withinMs,
  });
  try {
    if (npmRegistries.length > 0) await writeFile(file, config, { mode: 0o600 });
    job.log(preparation, [`Installing: ${context.mask.hide(command.split('\n')[0] ?? '')}`]);
    const { exitCode, signal, error } = await runCommand(
      {
        argv: ['sh', '-e', '-c', command],
        cwd: workspace.work,
        env: context.environment(
          { index: preparation, name: 'install', env: {} },
          installEnvSecrets,
          npmRegistries.length > 0 ? { NPM_CONFIG_USERCONFIG: file } : {},
        ),
      },
      { ...context, ...outputTo(job, preparation), signal: limit.signal },
    );
    if (exitCode === 0) return undefined;
    if (limit.signal.aborted && limit.signal.reason instanceof Error)
      return limit.signal.reason.message;
    return error ?? (signal === null ? `exit code ${exitCode}` : `killed by ${signal}`);
  } finally {
    limit.cancel();
    await rm(file, { force: true });
  }
}

async function commandOf(
  { install: wanted }: JobPlan,
  { job, workspace }: StepContext,
): Promise<string | undefined> {
  if (wanted === false) return undefined;
  if (job.dispatch.depsUrl !== undefined) {
    job.log(preparation, ['Nothing to install: the dependencies came with the job']);
    return undefined;
  }
  if (typeof wanted === 'string') return wanted;
  const lock = await stat(path.join(workspace.work, 'package-lock.json')).catch(() => undefined);
  if (lock?.isFile() === true) return usual;
  job.log(preparation, ['Nothing to install: there is no package-lock.json']);
  return undefined;
}

/** Undefined where something in it would break out of its line. */
export function npmConfig(registries: readonly wire.NpmRegistry[]): string | undefined {
  const lines: string[] = [];
  for (const { url, scope, alwaysAuth, token } of registries) {
    if (!URL.canParse(url) || [url, scope ?? '', token].some((text) => /[\r\n\0]/.test(text)))
      return undefined;
    const { href, host, pathname } = new URL(url);
    const place = `//${host}${pathname.endsWith('/') ? pathname : `${pathname}/`}`;
    const name = scope === undefined || scope === '' ? '' : `${at(scope)}:`;
    lines.push(`${name}registry=${href.endsWith('/') ? href : `${href}/`}`);
    lines.push(`${place}:_authToken=${token}`);
    if (alwaysAuth) lines.push(`${place}:always-auth=true`);
  }
  return lines.map((line) => `${line}\n`).join('');
}

const at = (scope: string): string => (scope.startsWith('@') ? scope : `@${scope}`);
