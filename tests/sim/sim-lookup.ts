/** Reads of what lies in the simulated log. Without `leader` a replica may answer that has not heard of the newest messages yet. */
import type { Journal, LoadOptions } from '@waybill/journal';
import type { StoredMessage, StreamName } from '@waybill/protocol';
import type { LogLink } from './log-link.ts';
import type { SimLog, SimMessage } from './sim-log.ts';
import { filterOf } from './subject-filter.ts';
import type { World } from './world.ts';

export type SimLookup = Pick<Journal, 'load' | 'get' | 'last' | 'serverTime' | 'info'> &
  Readonly<{ close(): void }>;

const waitMs = 3_000;
const lagMax = 3;
const lagChance = 0.1;

type LogInfo = Awaited<ReturnType<Journal['info']>>;
export const identityOf = (stream: StreamName): string => `sim-${stream}`;

export function simLookup(world: World, log: SimLog, link: LogLink): SimLookup {
  const asked = <T>(what: string, look: () => T): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      link.ask<T>(what, waitMs, (reply) => reply(look()), resolve, reject);
    });
  /** What the replica that answers has: nothing less than `minSeq`. */
  const known = (stream: StreamName, isLeader: boolean, minSeq = 0): readonly SimMessage[] => {
    const messages = log.messages(stream);
    const lags = log.isReplicated && !isLeader && world.random.chance(lagChance);
    if (!lags) return messages;
    const least = messages.findIndex(({ seq }) => seq >= minSeq) + 1;
    return messages.slice(0, Math.max(least, messages.length - world.random.whole(1, lagMax)));
  };
  const load = (
    stream: StreamName,
    filter: string,
    {
      fromSeq = 1,
      minSeq = 0,
      upToSeq = Number.POSITIVE_INFINITY,
      leader = false,
    }: LoadOptions = {},
  ): readonly StoredMessage[] => {
    const matches = filterOf(filter);
    return known(stream, leader, minSeq).filter(
      ({ seq, subject }) => seq >= fromSeq && seq <= upToSeq && matches(subject),
    );
  };
  const info = (stream: StreamName): LogInfo => {
    const messages = log.messages(stream);
    const at = log.serverNow();
    const lastSeq = messages.at(-1)?.seq ?? 0;
    return {
      identity: identityOf(stream),
      created: 0,
      at,
      firstSeq: 1,
      lastSeq,
      messages: lastSeq,
      bytes: 0,
      maxBytes: -1,
      replicas: log.isReplicated ? 3 : 1,
    };
  };
  return {
    load: (stream, filter, o) => asked(`load ${filter}`, () => load(stream, filter, o)),
    get: (stream, seq, o) =>
      asked(`get ${stream} ${seq}`, () =>
        known(stream, o?.leader === true).find((message) => message.seq === seq),
      ),
    last: (stream, subject, o) =>
      asked(`last ${subject}`, () => {
        const matches = filterOf(subject);
        return known(stream, o?.leader === true).findLast((message) => matches(message.subject));
      }),
    serverTime: (stream) => asked(`time ${stream}`, () => info(stream).at),
    info: (stream) => asked(`info ${stream}`, () => info(stream)),
    close: () => undefined,
  };
}
