/**
 * What lies between one process and the log: requests there, answers and messages back, each way in its order. It may be slow,
 * lose what is under way, or be cut for a while; the process notices a cut within seconds.
 */
import { Outage } from '@waybill/process';
import type { Life } from './life.ts';
import type { World } from './world.ts';

export type LinkState = {
  /** Of each request and each answer, that it never arrives. */
  lossChance: number;
  /** Of each, that it takes long. */
  slowChance: number;
  slowMs: number;
};

export type LogLink = Readonly<{
  life: Life;
  /** As far as the process knows. */
  connected(): boolean;
  /** To the log and back. `lost`: the process gives up waiting, or is told that the connection is gone. */
  ask<T>(
    what: string,
    waitMs: number,
    handle: (reply: (answer: T) => void) => void,
    done: (answer: T) => void,
    lost: (why: Outage) => void,
  ): void;
  /** From the log to the process, unasked. False where nothing gets through. */
  push(what: string, run: () => void): boolean;
  isCut(): boolean;
  cut(): void;
  mend(): void;
  onDrop(listener: () => void): () => void;
  onBack(listener: () => void): () => void;
  whenConnected(signal?: AbortSignal): Promise<void>;
}>;

const noticeMs = { min: 50, max: 3_000 } as const;
const backMs = { min: 5, max: 400 } as const;

/** Those who listen now: what they do may bring others. */
function tell(listeners: ReadonlySet<() => void>): void {
  const now = [...listeners];
  for (const listener of now) listener();
}

export function openLogLink(world: World, life: Life, state: LinkState): LogLink {
  const { random } = world;
  const drops = new Set<() => void>();
  const backs = new Set<() => void>();
  let isCut = false;
  let isConnected = true;
  /** In each direction nothing overtakes. */
  let thereMs = 0;
  let hereMs = 0;

  const latency = (): number => {
    const slow = random.chance(state.slowChance) ? random.between(0, state.slowMs) : 0;
    return random.between(0.1, 0.8) + slow;
  };
  const passes = (): boolean => !isCut;
  const isLost = (): boolean => state.lossChance > 0 && random.chance(state.lossChance);
  const there = (what: string, run: () => void): void => {
    if (!life.isAlive) return;
    if (life.isFrozen) {
      life.outgoing.push(() => there(what, run));
      return;
    }
    thereMs = Math.max(thereMs, world.now() + latency());
    const lost = isLost();
    world.schedule(thereMs - world.now(), undefined, `${life.name} asks ${what}`, () => {
      if (!lost && passes()) run();
    });
  };
  const push: LogLink['push'] = (what, run) => {
    if (!passes()) return false;
    hereMs = Math.max(hereMs, world.now() + latency());
    world.schedule(hereMs - world.now(), life, what, run);
    return true;
  };
  const dropped = (): void => {
    if (!isConnected) return;
    isConnected = false;
    tell(drops);
  };
  const back = (): void => {
    if (isConnected || isCut) return;
    isConnected = true;
    tell(backs);
  };
  const listening = (set: Set<() => void>, listener: () => void): (() => void) => {
    set.add(listener);
    return () => set.delete(listener);
  };
  const cut = (): void => {
    if (isCut) return;
    isCut = true;
    world.schedule(random.between(noticeMs.min, noticeMs.max), life, 'log lost', () => {
      if (isCut) dropped();
    });
  };
  const mend = (): void => {
    isCut = false;
    world.schedule(random.between(backMs.min, backMs.max), life, 'log back', () => {
      // What was under way when it was cut is lost, noticed or not.
      dropped();
      back();
    });
  };

  return {
    life,
    connected: () => isConnected,
    ask: (what, waitMs, handle, done, lost) => {
      let isOver = false;
      const over = (): boolean => {
        const was = isOver;
        isOver = true;
        cancel();
        stop();
        return !was;
      };
      const gone = (): void => {
        if (over()) lost(new Outage('nats-disconnected', `the connection was lost before ${what}`));
      };
      const cancel = world.schedule(waitMs, life, `gave up ${what}`, () => {
        if (over()) lost(new Outage('nats-unanswered', `nobody answered ${what}`));
      });
      const stop = listening(drops, gone);
      there(what, () =>
        handle((answer) => {
          if (isLost()) return;
          push(`told ${what}`, () => {
            if (over()) done(answer);
          });
        }),
      );
    },
    push,
    isCut: () => isCut,
    cut,
    mend,
    onDrop: (listener) => listening(drops, listener),
    onBack: (listener) => listening(backs, listener),
    whenConnected: async (signal) => {
      signal?.throwIfAborted();
      if (isConnected) return;
      const up = Promise.withResolvers<void>();
      const stop = listening(backs, up.resolve);
      const onAbort = (): void => up.reject(signal?.reason);
      signal?.addEventListener('abort', onAbort, { once: true });
      try {
        await up.promise;
      } finally {
        stop();
        signal?.removeEventListener('abort', onAbort);
      }
    },
  };
}
