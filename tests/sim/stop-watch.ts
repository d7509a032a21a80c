/**
 * The second half of invariant 3: an agent that knows only the published protocol and speaks of an attempt that was superseded is
 * told to stop within a second. Looks only where nothing goes wrong between the two: what a fault eats is said again later.
 */
import { parseWireJobId, type WireJob } from '@waybill/protocol';
import { z } from 'zod';
import type { Violation } from '../support/evidence.ts';
import type { Life } from './life.ts';
import type { Network, Wire } from './network.ts';
import type { Observer } from './observer.ts';
import { seedAgent } from './stage-names.ts';
import type { World } from './world.ts';

type Watched = Readonly<{
  world: World;
  network: Network;
  observer: Observer;
  /** Whether anything goes wrong at the moment. */
  isCalm: () => boolean;
}>;

const AboutJob = z.looseObject({ type: z.string(), jobId: z.string() });
const withinMs = 1_000;
/** A gateway that reads of it this very moment may not know it yet. */
const knownAfterMs = 200;

export function openStopWatch({ world, network, observer, isCalm }: Watched): Readonly<{
  violations(): readonly Violation[];
}> {
  const found: Violation[] = [];
  const told = new Set<string>();
  /** What was slow when it was sent may still be under way. */
  const onItsWay = new Map<string, Wire>();
  /** By job and attempt, since when it is somebody else's or nobody's. */
  const overMs = new Map<string, number>();

  observer.onMoment(({ after, isVoid }) => {
    if (isVoid) return;
    for (const { attempts, spec } of after.jobs)
      for (const [index, { attempt, resolution }] of attempts.entries()) {
        const isOver =
          index < attempts.length - 1 || resolution === 'expired' || resolution === 'withdrawn';
        const key = `${spec.jobId} ${attempt}`;
        if (isOver && !overMs.has(key)) overMs.set(key, world.now());
      }
  });
  const isOver = ({ jobId, attempt }: WireJob): boolean => {
    const sinceMs = overMs.get(`${jobId} ${attempt}`);
    return sinceMs !== undefined && world.now() - sinceMs > knownAfterMs;
  };
  const contact = (from: Life, wireJobId: string, over: Wire): void => {
    const key = `${from.no} ${wireJobId}`;
    const wire = parseWireJobId(wireJobId);
    if (wire === undefined || told.has(key) || !isOver(wire) || !isCalm()) return;
    world.schedule(withinMs, undefined, 'looks whether it was stopped', () => {
      // On another connection it is compared anew with what runs say.
      const isSpoilt = !isCalm() || !over.isOpen();
      if (isSpoilt || told.has(key) || onItsWay.get(key)?.isOpen() === true) return;
      const what = `${from.name} spoke of ${wireJobId}, which is not its own any more, and was not told to stop`;
      found.push({ invariant: 3, seq: null, what });
    });
  };
  network.onSent((_from, text, wire) => {
    if (!text.includes('"type":"job.cancel"')) return;
    const about = AboutJob.safeParse(JSON.parse(text));
    if (about.success) onItsWay.set(`${wire.client.life.no} ${about.data.jobId}`, wire);
  });
  network.onFrame((from, to, text, over) => {
    if (!text.includes('"jobId"')) return;
    const about = AboutJob.safeParse(JSON.parse(text));
    if (!about.success) return;
    const { type, jobId } = about.data;
    if (type === 'job.cancel') told.add(`${to.no} ${jobId}`);
    else if (from.name === seedAgent) contact(from, jobId, over);
  });
  return { violations: () => found };
}
