/**
 * The simulated world: one time, one queue of events, one source of chance. Whatever enters a process is an event for it, and
 * between two events every promise that is settled has run: the same seed gives the same events in the same order.
 */
import { openEventQueue, type SimEvent } from './event-queue.ts';
import type { Life } from './life.ts';
import { type Random, randomOf } from './random.ts';
import { openTrace, type Trace } from './trace.ts';

export type Cancel = () => void;

export type World = Readonly<{
  random: Random;
  trace: Trace;
  now(): number;
  /** Whose event is being handled. */
  current(): Life | undefined;
  schedule(delayMs: number, to: Life | undefined, what: string, run: () => void): Cancel;
  /** A process begins to live. */
  begin(name: string, hostOffsetMs: number): Life;
  freeze(life: Life): void;
  thaw(life: Life): void;
  end(life: Life): void;
  /** Events handled so far. */
  events(): number;
  /** Handles events until `isOver` says so, time is up, or something failed. */
  run(untilMs: number, isOver: () => boolean): Promise<void>;
  /** Ends the run: the first word counts. */
  fail(error: unknown): void;
  failure(): unknown;
}>;

const isTimer = ({ what }: SimEvent): boolean => what === 'timer';

/** No run of a world needs so many; a loop without an end does. */
const eventsMax = 200_000;

export function openWorld(seed: number): World {
  const queue = openEventQueue();
  const trace = openTrace();
  let nowMs = 0;
  let order = 0;
  let lives = 0;
  let events = 0;
  let current: Life | undefined;
  let failure: unknown;
  const random = randomOf(seed);

  const schedule: World['schedule'] = (delayMs, to, what, run) => {
    order += 1;
    const event: SimEvent = {
      atMs: nowMs + Math.max(0, delayMs),
      order,
      to,
      what,
      run,
      cancelled: false,
    };
    queue.push(event);
    return () => {
      event.cancelled = true;
    };
  };
  const fail = (error: unknown): void => {
    failure ??= error;
  };
  const handle = (event: SimEvent): boolean => {
    const { to } = event;
    if (event.cancelled || to?.isAlive === false) return false;
    if (to?.isFrozen === true) {
      to.backlog.push(event);
      return false;
    }
    events += 1;
    current = to;
    trace.event(nowMs, to?.no ?? 0, to?.name ?? 'world', event.what);
    try {
      event.run();
    } catch (error) {
      fail(error);
    }
    return true;
  };
  /** The next event that somebody has; undefined when there is none in time. */
  const advance = (untilMs: number): boolean => {
    for (let event = queue.pop(); event !== undefined; event = queue.pop()) {
      if (event.atMs > untilMs) {
        queue.push(event);
        break;
      }
      nowMs = Math.max(nowMs, event.atMs);
      if (handle(event)) return true;
    }
    nowMs = Math.max(nowMs, untilMs);
    return false;
  };

  /** An event loop that goes on may look at its timers first, or at what has arrived. */
  const inTheirTurn = (waiting: readonly SimEvent[]): readonly SimEvent[] => {
    const isTimerFirst = random.chance(0.5);
    return waiting.toSorted(
      (a, b) => Number(isTimer(b) === isTimerFirst) - Number(isTimer(a) === isTimerFirst),
    );
  };

  return {
    random,
    trace,
    now: () => nowMs,
    current: () => current,
    schedule,
    begin: (name, hostOffsetMs) => {
      lives += 1;
      return {
        name,
        no: lives,
        isAlive: true,
        isFrozen: false,
        trap: undefined,
        isDisturbed: false,
        outgoing: [],
        backlog: [],
        onEnd: [],
        hostOffsetMs,
        bornMs: nowMs,
      };
    },
    freeze: (life) => {
      life.isFrozen = true;
      life.isDisturbed = true;
    },
    thaw: (life) => {
      if (!life.isFrozen) return;
      life.isFrozen = false;
      for (const send of life.outgoing.splice(0)) send();
      for (const event of inTheirTurn(life.backlog.splice(0))) {
        order += 1;
        // The very same event: the first of them may cancel another.
        queue.push(Object.assign(event, { atMs: nowMs, order }));
      }
    },
    end: (life) => {
      if (!life.isAlive) return;
      life.isAlive = false;
      for (const tell of life.onEnd.splice(0)) tell();
    },
    events: () => events,
    run: (untilMs, isOver) =>
      new Promise((resolve) => {
        const turn = (): void => {
          current = undefined;
          if (failure !== undefined || isOver() || !advance(untilMs)) return resolve();
          if (events > eventsMax) fail(new Error(`more than ${eventsMax} events`));
          // A turn of the loop: what the event has settled goes on before the next one.
          setImmediate(turn);
        };
        setImmediate(turn);
      }),
    fail,
    failure: () => failure,
  };
}
