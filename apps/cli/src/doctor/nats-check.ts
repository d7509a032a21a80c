/** NATS: reachable, new enough, JetStream on, how durable, the streams as they were accepted, and whose clock is off. */
import { isJournalError, type Journal, natsSettings, openJournal } from '@waybill/journal';
import { type Clock, type Logger, natsServers, safeError } from '@waybill/process';
import { streamNames } from '@waybill/protocol';
import { z } from 'zod';
import { withoutPassword } from '../local/places-text.ts';
import type { Reachable } from '../local/reach.ts';
import { type Finding, note, ok, wrong } from './finding.ts';
import { greetingOf } from './nats-greeting.ts';

type Tools = Readonly<{ clock: Clock; log: Logger }>;

/** Beyond it, times in logs of several machines no longer fit together. */
const offsetMsMax = 1_000;

export async function checkNats(reachable: Reachable, tools: Tools): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const address of natsServers(reachable.config.NATS_URL))
    findings.push(await checkAddress(address, tools.clock));
  let journal: Journal;
  try {
    journal = await openJournal({
      ...tools,
      nats: natsSettings(reachable.config),
      name: 'waybill-doctor',
      connectDeadlineMs: 3_000,
    });
  } catch (error) {
    const { message } = safeError(error);
    const config = isJournalError(error);
    return [
      ...findings,
      wrong(
        'nats',
        message,
        config ? 78 : 69,
        config ? 'Give it a NATS that Waybill can use.' : 'Start it, or correct NATS_URL.',
      ),
    ];
  }
  try {
    findings.push(
      ok('nats', `signed in; a message may have ${Math.floor(journal.maxPayload / 1024)} KiB`),
    );
    findings.push(await checkDurability(reachable.monitorUrl));
    findings.push(...(await checkStreams(journal)));
    findings.push(await checkClock(journal, tools.clock));
  } finally {
    await journal.close();
  }
  return findings;
}

async function checkAddress(address: string, clock: Clock): Promise<Finding> {
  const name = withoutPassword(address);
  if (/^wss?:/.test(address))
    return note('nats', `${name} is a WebSocket: its version is not looked at`);
  try {
    const { version, jetstream } = await greetingOf(address, clock);
    const [major = 0, minor = 0] = version.split('.').map(Number);
    if (major < 2 || (major === 2 && minor < 14))
      return wrong(
        'nats',
        `${name} is version ${version}`,
        78,
        'Install nats-server 2.14 or newer.',
      );
    if (jetstream !== true)
      return wrong(
        'nats',
        `${name} has JetStream switched off`,
        78,
        'Start nats-server with JetStream (-js).',
      );
    return ok('nats', `${name} is nats-server ${version} with JetStream`);
  } catch (error) {
    return wrong(
      'nats',
      `${name} cannot be reached: ${safeError(error).message}`,
      69,
      'Start it, or correct NATS_URL.',
    );
  }
}

const Monitored = z.looseObject({
  config: z.looseObject({
    sync_interval: z.number().optional(),
    sync_always: z.boolean().optional(),
  }),
});

async function checkDurability(monitorUrl: string | undefined): Promise<Finding> {
  if (monitorUrl === undefined)
    return note(
      'durability',
      'unknown: a server that was given tells only its operator',
      'Strict is "sync_interval: always" in its configuration.',
    );
  const answer: unknown = await fetch(`${monitorUrl}/jsz?config=1`)
    .then((response) => response.json())
    .catch(() => undefined);
  const read = Monitored.safeParse(answer);
  if (!read.success) return note('durability', 'unknown: the server says nothing about it');
  const { sync_always: always, sync_interval: interval } = read.data.config;
  if (always === true) return ok('durability', 'strict: what is acknowledged is on disk');
  return note(
    'durability',
    `fast: up to ${(interval ?? 0) / 1e9} s may be lost in a power cut`,
    'WAYBILL_DURABILITY=strict loses nothing.',
  );
}

async function checkStreams(journal: Journal): Promise<readonly Finding[]> {
  try {
    const changed = (await journal.provision()).filter(({ action }) => action !== 'unchanged');
    const infos = await Promise.all(
      streamNames.map(async (name) => ({ name, ...(await journal.info(name)) })),
    );
    const messages = infos.reduce((sum, each) => sum + each.messages, 0);
    const what = changed.map(({ stream, action }) => `${stream} ${action}`).join(', ');
    const found = ok(
      'streams',
      `${infos.length} as they should be, ${messages} messages${what === '' ? '' : `; just now: ${what}`}`,
    );
    // A bounded stream drops its oldest; one that keeps all refuses what is new.
    const full = infos.filter(({ bytes, maxBytes }) => maxBytes > 0 && bytes > 0.9 * maxBytes);
    return [
      found,
      ...full.map(({ name }) =>
        note(
          'streams',
          `${name} has more than 90 % of its limit`,
          'Raise the limit, or give the server more space.',
        ),
      ),
    ];
  } catch (error) {
    return [
      wrong(
        'streams',
        safeError(error).message,
        isJournalError(error) ? 78 : 69,
        'Mend what the message names on the NATS server.',
      ),
    ];
  }
}

async function checkClock(journal: Journal, clock: Clock): Promise<Finding> {
  const before = clock.now();
  const server = await journal.serverTime('WB_RUNS');
  const after = clock.now();
  // Half of the way there and back stands for the way back.
  const offsetMs = Math.round(server - (before + after) / 2);
  const text = `this machine and the NATS server differ by ${Math.abs(offsetMs)} ms`;
  return Math.abs(offsetMs) <= offsetMsMax
    ? ok('clock', text)
    : note('clock', text, 'Nothing is decided by it, but set both by NTP.');
}
