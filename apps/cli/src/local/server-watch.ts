/**
 * Watches the servers that `waybill up` runs: without one of them nothing works, and nobody else starts it again. Its end is an
 * outage that ends the process with its name; the next start finds everything where it was.
 */
import { isAlive, type Servers } from '@waybill/embedded';
import { type Clock, Outage, type Timer } from '@waybill/process';

const everyMs = 500;

type Watch = Readonly<{ servers: Servers; clock: Clock; fail: (error: Error) => void }>;

export function watchServers({ servers, clock, fail }: Watch): Timer {
  const { nats, postgres } = servers;
  const ours = [
    { name: 'nats-server', pid: nats.pid },
    { name: 'Postgres', pid: postgres.pid },
  ];
  return clock.every(
    everyMs,
    () => {
      const gone = ours.find(({ pid }) => pid !== undefined && !isAlive(pid));
      if (gone === undefined) return;
      fail(
        new Outage(
          'server-ended',
          `${gone.name} has ended, so Waybill ends too. Start it again: it finds its data.`,
        ),
      );
    },
    { background: true },
  );
}
