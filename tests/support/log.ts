/** A real log for specs: a nats-server of its own, provisioned streams, a journal, and the events of a run read back. */
import { startTestServers } from '@waybill/embedded';
import { type Journal, type NatsSettings, openJournal } from '@waybill/journal';
import { createLogger, type Host, systemClock } from '@waybill/process';
import { eventually } from '@waybill/process/testing';
import type { Run, RunEvent } from '@waybill/protocol';
import { foldRun, readRunMessage, subjects } from '@waybill/protocol';

export type TestLog = Readonly<{
  journal: Journal;
  nats: NatsSettings;
  /** The settings as a service's configuration names them. */
  env: Readonly<{
    LOG_LEVEL: 'error';
    NATS_URL: string;
    NATS_USER?: string | undefined;
    NATS_PASSWORD?: string | undefined;
  }>;
  host: Host;
  events(runId: string): Promise<readonly RunEvent[]>;
  run(runId: string): Promise<Run>;
  /** Waits until the run's log holds what the probe looks for, and gives it back. */
  until(
    runId: string,
    what: string,
    probe: (events: readonly RunEvent[]) => boolean,
    withinMs?: number,
  ): Promise<readonly RunEvent[]>;
  stop(): Promise<void>;
}>;

export const ORG = 'main';

export async function startTestLog(): Promise<TestLog> {
  const servers = await startTestServers({ postgres: false });
  const { url, user, password } = servers.nats;
  const host = { clock: systemClock, log: createLogger({ name: 'test', level: 'error' }) };
  const nats = { url, user, password };
  const journal = await openJournal({ nats, name: 'test', ...host });
  await journal.provision();

  const events = async (runId: string): Promise<readonly RunEvent[]> => {
    const messages = await journal.load('WB_RUNS', subjects.runFilter(ORG, runId), {
      leader: true,
    });
    return messages.flatMap((message) => readRunMessage(message) ?? []);
  };

  return {
    journal,
    nats,
    env: { LOG_LEVEL: 'error', NATS_URL: url, NATS_USER: user, NATS_PASSWORD: password },
    host,
    events,
    run: async (runId) => foldRun(await events(runId)),
    until: (runId, what, probe, withinMs = 10_000) =>
      eventually(
        async () => {
          const found = await events(runId);
          return probe(found) ? found : undefined;
        },
        { what, withinMs },
      ),
    stop: async () => {
      await journal.close();
      await servers.stop();
    },
  };
}
