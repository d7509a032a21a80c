/** One candidate in a process of its own, which its test may freeze and kill. Says whether it holds the lease, all the time. */
import { createLogger, systemClock } from '@waybill/process';
import { openJournal } from './journal.ts';
import type { NatsSettings } from './nats-settings.ts';

const o = JSON.parse(process.argv[2] ?? '{}') as {
  nats: NatsSettings;
  name: string;
  ttlMs: number;
}; // written by the fixture that spawns this
const log = createLogger({ name: 'candidate', level: 'silent' });
const journal = await openJournal({ nats: o.nats, name: 'candidate', clock: systemClock, log });
const lease = journal.lease({ name: o.name, holder: String(process.pid), ttlMs: o.ttlMs });

let told: number | undefined;
systemClock.every(1, () => {
  const fromNs = process.hrtime.bigint();
  const epoch = lease.epoch();
  const toNs = process.hrtime.bigint();
  if (epoch === undefined && told === undefined) return;
  told = epoch;
  process.stdout.write(`${epoch ?? '-'} ${fromNs} ${toNs}\n`);
});
