/**
 * Leases as the journal promises them: one holder at a time by the server's clock, an epoch that grows from holder to holder, and
 * a holder that believes in its lease for half of its time to live and no longer. Whoever does not renew it loses it.
 */
import type { Clock, Timer } from '@waybill/process';
import type { LogLink } from './log-link.ts';
import type { World } from './world.ts';

type LeaseOptions = Readonly<{
  name: string;
  holder: string;
  ttlMs: number;
  onGained?: (epoch: number) => void;
  onLost?: () => void;
}>;
type LeaseView = Readonly<{ name: string; holder: string; epoch: number }>;
type WatchOptions = Readonly<{
  prefix: string;
  onChange: (name: string, held: LeaseView | undefined) => void;
  onFailure: (error: Error) => void;
}>;
type Held = LeaseView & Readonly<{ owner: object; cancel: () => void }>;

export type LeaseTable = Readonly<{
  /**
   * The epoch where the owner has it now, undefined where it has not. `known`: the epoch that it renews; without one it takes the
   * lease anew, also one that it has itself and could not trust any more.
   */
  take(o: LeaseOptions, owner: object, known: number | undefined): number | undefined;
  release(name: string, owner: object): void;
  all(): readonly LeaseView[];
  onChange(listener: (name: string, held: LeaseView | undefined) => void): void;
}>;

export function openLeaseTable(world: World): LeaseTable {
  const table = new Map<string, Held>();
  const listeners: ((name: string, held: LeaseView | undefined) => void)[] = [];
  let seq = 0;

  const tell = (name: string, held: Held | undefined): void => {
    world.trace.note(
      world.now(),
      'leases',
      `${name} ${held?.holder ?? 'nobody'} ${held?.epoch ?? ''}`,
    );
    const view = held && { name, holder: held.holder, epoch: held.epoch };
    for (const listener of listeners) listener(name, view);
  };
  const drop = (name: string): void => {
    if (table.delete(name)) tell(name, undefined);
  };
  return {
    take: ({ name, holder, ttlMs }, owner, known) => {
      const held = table.get(name);
      if (held !== undefined && held.owner !== owner) return undefined;
      if (known !== undefined && held?.epoch !== known) return undefined;
      held?.cancel();
      seq += 1;
      const epoch = known ?? seq;
      const cancel = world.schedule(ttlMs, undefined, `lease ${name} lapses`, () => drop(name));
      const next = { name, holder, epoch, owner, cancel };
      table.set(name, next);
      if (held?.epoch !== epoch) tell(name, next);
      return epoch;
    },
    release: (name, owner) => {
      const held = table.get(name);
      if (held?.owner !== owner) return;
      held.cancel();
      drop(name);
    },
    all: () => [...table.values()],
    onChange: (listener) => void listeners.push(listener),
  };
}

type Lease = Readonly<{ epoch(): number | undefined; release(): Promise<void> }>;
type LeaseReader = Readonly<{
  position(): undefined;
  seq(): number;
  lag(): number;
  caughtUp: Promise<void>;
  stop(): Promise<void>;
}>;
export type SimLeases = Readonly<{
  lease(o: LeaseOptions): Lease;
  watchLeases(o: WatchOptions): Promise<LeaseReader>;
}>;

const askMs = 3_000;

export function openSimLeases(
  world: World,
  table: LeaseTable,
  link: LogLink,
  clock: Clock,
): SimLeases {
  return {
    lease: (o) => campaign(table, link, clock, o),
    watchLeases: (o) => watch(world, table, link, o),
  };
}

function campaign(table: LeaseTable, link: LogLink, clock: Clock, o: LeaseOptions): Lease {
  const owner = {};
  let held: Readonly<{ epoch: number; askedMs: number }> | undefined;
  let losing: Timer | undefined;
  let isOver = false;

  const isFresh = (askedMs: number): boolean => clock.monotonicMs() - askedMs < o.ttlMs / 2;
  const believed = (): number | undefined =>
    held !== undefined && isFresh(held.askedMs) ? held.epoch : undefined;
  const lose = (): void => {
    losing?.cancel();
    if (held === undefined) return;
    held = undefined;
    o.onLost?.();
  };
  const hold = (epoch: number, askedMs: number): void => {
    held = { epoch, askedMs };
    losing?.cancel();
    losing = clock.after(askedMs + o.ttlMs / 2 - clock.monotonicMs(), lose);
  };
  const answered = (
    known: number | undefined,
    epoch: number | undefined,
    askedMs: number,
  ): void => {
    // Whoever has asked for the epoch meanwhile was told that there is none: it is taken anew.
    if (epoch === undefined || believed() === undefined) lose();
    if (epoch === undefined || held?.epoch !== known || !isFresh(askedMs)) return;
    hold(epoch, askedMs);
    if (known === undefined) o.onGained?.(epoch);
  };
  const ask = (): void => {
    if (isOver) return;
    if (believed() === undefined) lose();
    const known = held?.epoch;
    const askedMs = clock.monotonicMs();
    const again = (): void => void clock.after(o.ttlMs / 6, ask, { background: true });
    link.ask<number | undefined>(
      `lease ${o.name}`,
      Math.min(askMs, o.ttlMs / 2),
      (reply) => {
        if (!isOver && link.life.isAlive) reply(table.take(o, owner, known));
      },
      (epoch) => {
        if (!isOver) answered(known, epoch, askedMs);
        again();
      },
      again,
    );
  };
  ask();
  return {
    epoch: believed,
    release: () => {
      isOver = true;
      held = undefined;
      losing?.cancel();
      return new Promise((resolve) => {
        const released = (reply: (answer: undefined) => void): void => {
          table.release(o.name, owner);
          reply(undefined);
        };
        link.ask<undefined>(
          `release ${o.name}`,
          askMs,
          released,
          () => resolve(),
          () => resolve(),
        );
      });
    },
  };
}

function watch(
  world: World,
  table: LeaseTable,
  link: LogLink,
  o: WatchOptions,
): Promise<LeaseReader> {
  const opened = Promise.withResolvers<LeaseReader>();
  const caughtUp = Promise.withResolvers<void>();
  const told = new Map<string, LeaseView>();
  let isOver = false;
  const change = (name: string, held: LeaseView | undefined): void => {
    if (isOver || told.get(name)?.epoch === held?.epoch) return;
    if (held === undefined) told.delete(name);
    else told.set(name, held);
    o.onChange(name, held);
  };
  const look = (): void => {
    link.ask<readonly LeaseView[]>(
      `leases ${o.prefix}`,
      askMs,
      (reply) => reply(table.all().filter(({ name }) => name.startsWith(o.prefix))),
      (all) => {
        const names = new Set(all.map(({ name }) => name));
        const lapsed = [...told.keys()].filter((name) => !names.has(name));
        for (const name of lapsed) change(name, undefined);
        for (const view of all) change(view.name, view);
        caughtUp.resolve();
        opened.resolve(reader);
      },
      () => void world.schedule(200, link.life, 'watches again', look),
    );
  };
  const reader: LeaseReader = {
    position: () => undefined,
    seq: () => 0,
    lag: () => 0,
    caughtUp: caughtUp.promise,
    stop: () => {
      isOver = true;
      return Promise.resolve();
    },
  };
  table.onChange((name, held) => {
    if (name.startsWith(o.prefix)) link.push(`lease ${name} changed`, () => change(name, held));
  });
  link.onBack(look);
  look();
  return opened.promise;
}
