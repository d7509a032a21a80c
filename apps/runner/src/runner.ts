/**
 * The reference agent: runs `jobConfig.steps[]` for real on this machine, each job in a workspace of its own. When it
 * ends, in order or not, nothing of its jobs keeps running.
 */
import os from 'node:os';
import path from 'node:path';
import { type Agent, createAgent, createAgentLog, teeLogger } from '@waybill/agent';
import { createLogger, exitCodes, type Host, type Part } from '@waybill/process';
import { foreignToken, shortHash } from '@waybill/protocol';
import { stopGraceMs } from './command.ts';
import { agentUrl, type Config } from './config.ts';
import { runJob } from './job-run.ts';
import { startWatchdog, type Watchdog } from './watchdog.ts';
import { defaultRoot, openWorkFolder, type WorkFolder } from './work-folder.ts';

export { agentUrl, Config } from './config.ts';
export { ParentGone, type ParentLink, parentWatch } from './parent-watch.ts';

export type Runner = Part &
  Readonly<{
    agentId: string;
    /** Undefined until it has started. */
    readonly agent: Agent | undefined;
    /** A stop that follows waits for no job and keeps no result: with its parent gone, this runner counts as lost. */
    hurry(): void;
  }>;

/** The server will never take this runner; starting it again would not help. */
export class RunnerRefused extends Error {
  override readonly name = 'RunnerRefused';
  readonly code = 'runner-refused';
  readonly exitCode = exitCodes.config;
}

/** A scaler made this runner, and there was nothing left to do: an end like any other. */
export class RunnerIdle extends Error {
  override readonly name = 'RunnerIdle';
  readonly code = 'runner-idle';
  readonly exitCode = exitCodes.ok;
}

const graceMs = 10_000;
/** With the grace of its step, what a server gives a cancelled job before it forces it. */
const afterMs = 20_000;

type Parts = Readonly<{ folder: WorkFolder; watchdog: Watchdog; agent: Agent }>;

export function createRunner(config: Config, host: Host): Runner {
  const { clock } = host;
  const agentLog = createAgentLog({ clock });
  const kept = { name: 'runner', level: host.log.level, destination: agentLog.destination };
  const log = teeLogger(host.log, createLogger(kept));
  const agentId = config.WAYBILL_AGENT_ID ?? `runner-${os.hostname()}`;
  const root = path.resolve(config.WAYBILL_RUNNER_DIR ?? defaultRoot());
  const base = { path: config.PATH, lang: config.LANG, agentId };
  let parts: Parts | undefined;
  let hurried = false;

  const agentOf = (folder: WorkFolder, watchdog: Watchdog): Agent =>
    createAgent(
      {
        url: agentUrl(config.WAYBILL_URL),
        token: config.WAYBILL_AGENT_TOKEN,
        agentId,
        labels: labelsOf(config.WAYBILL_AGENT_LABELS),
        maxConcurrency: config.WAYBILL_RUNNER_CONCURRENCY,
        outboxFile: path.join(root, outboxName(config, agentId)),
        clock,
        log,
        agentLog,
        sendLog: config.WAYBILL_RUNNER_SEND_LOG,
        timing: {
          idleMs: config.WAYBILL_RUNNER_IDLE_TIMEOUT,
          pendingDispatchMs: config.WAYBILL_RUNNER_PENDING_DISPATCH_TIMEOUT,
        },
      },
      (job) =>
        runJob(job, {
          clock,
          log,
          folder,
          watchdog,
          base,
          graceMs,
          afterMs,
        }),
    );

  return {
    name: 'runner',
    agentId,
    get agent() {
      return parts?.agent;
    },
    hurry: () => {
      hurried = true;
    },
    start: async (_signal, fail) => {
      const folder = await openWorkFolder(root, log);
      const watchdog = startWatchdog({ folder: folder.path, path: config.PATH, clock, log });
      const agent = agentOf(folder, watchdog);
      parts = { folder, watchdog, agent };
      agent.start();
      void agent.refused.then((refusal) =>
        fail(new RunnerRefused(refusal.message, { cause: refusal })),
      );
      void agent.idle.then((reason) =>
        fail(new RunnerIdle(`nothing to do (${reason}): the runner leaves`)),
      );
      log.info({ agentId, folder: folder.path }, 'runner started');
    },
    stop: async () => {
      if (!parts) return;
      const { folder, watchdog, agent } = parts;
      const withinMs = stopGraceMs + 1_000;
      if (hurried) await agent.abandon({ withinMs });
      else {
        await agent.drain({ withinMs: config.WAYBILL_RUNNER_DRAIN });
        await agent.stop({ withinMs });
      }
      await folder.remove();
      await watchdog.end();
    },
  };
}

/** The folder that all runners of a user share may serve several Waybills; a folder that somebody named is for one. */
function outboxName({ WAYBILL_RUNNER_DIR, WAYBILL_URL }: Config, agentId: string): string {
  const server = WAYBILL_RUNNER_DIR === undefined ? `${shortHash(WAYBILL_URL)}-` : '';
  return `outbox-${server}${foreignToken(agentId)}.json`;
}

/** What can be said of any host, besides what its owner says. */
const labelsOf = (given: readonly string[]): readonly string[] => [
  ...new Set([...given, `os:${process.platform}`, `arch:${process.arch}`, `host:${os.hostname()}`]),
];
