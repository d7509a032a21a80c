/**
 * Invariant 10: an outage of the log expires no offer whose answer reached its gateway in time. Watches for words of agents as they
 * reach a gateway that nothing else has befallen, and for offers that expire all the same.
 */
import { type Attempt, leaseOfGateway, parseWireJobId } from '@waybill/protocol';
import { z } from 'zod';
import type { Violation } from '../support/evidence.ts';
import type { Life } from './life.ts';
import type { Network } from './network.ts';
import type { Observer } from './observer.ts';
import type { LeaseTable } from './sim-lease.ts';
import type { SimLog } from './sim-log.ts';
import type { World } from './world.ts';

type Watched = Readonly<{
  world: World;
  log: SimLog;
  network: Network;
  observer: Observer;
  leases: LeaseTable;
  /** Nobody has disturbed a scheduler. */
  isWatched: () => boolean;
}>;
type Heard = Readonly<{ atMs: number; gateway: Life }>;

const Word = z.looseObject({ type: z.literal('job.ack'), jobId: z.string() });

/** A lapse is known to schedulers soon, and waited for no longer than this. */
const lapse = { minMs: 1_500, maxMs: 25_000 } as const;

export function openOutageWatch(o: Watched): Readonly<{
  violations(): readonly Violation[];
}> {
  const { world, log, network, observer, leases } = o;
  const heard = new Map<string, Heard>();
  /** Since when nobody holds it. */
  const lapsed = new Map<string, number>();
  const found: Violation[] = [];

  network.onFrame((_from, to, text) => {
    if (!to.name.startsWith('gateway') || !text.includes('"job.ack"')) return;
    const word = Word.safeParse(JSON.parse(text));
    const wire = word.success ? parseWireJobId(word.data.jobId) : undefined;
    if (wire === undefined) return;
    const key = `${wire.jobId} ${wire.attempt}`;
    if (!heard.has(key)) heard.set(key, { atMs: log.serverTime(), gateway: to });
  });
  leases.onChange((name, held) => {
    if (held === undefined) lapsed.set(name, world.now());
    else lapsed.delete(name);
  });
  const frozen = (jobId: string, attempt: Attempt | undefined, seq: number): void => {
    if (attempt === undefined || observer.isEnded(attempt.session)) return;
    const gateway = observer.session(attempt.session)?.gateway;
    const sinceMs = gateway === undefined ? undefined : lapsed.get(leaseOfGateway(gateway));
    const forMs = sinceMs === undefined ? 0 : world.now() - sinceMs;
    if (forMs < lapse.minMs || forMs > lapse.maxMs || !o.isWatched()) return;
    const what = `${jobId} expired while ${gateway} had lapsed for ${Math.round(forMs)} ms`;
    found.push({ invariant: 10, seq, what });
  };
  observer.onMoment(({ event, before, isVoid }) => {
    if (event.type !== 'job.expired' || isVoid) return;
    const { jobId, attempt } = event.body;
    const word = heard.get(`${jobId} ${attempt}`);
    const job = before.jobs.find(({ spec }) => spec.jobId === jobId);
    const current = job?.attempts.at(-1);
    frozen(jobId, current, event.seq);
    const until = current?.until ?? 0;
    if (word === undefined || word.atMs > until) return;
    const { gateway } = word;
    if (!gateway.isAlive || gateway.isDisturbed) return;
    const what = `${jobId} attempt ${attempt} expired ${event.at - word.atMs} ms after its ack had reached ${gateway.name}`;
    found.push({ invariant: 10, seq: event.seq, what });
  });
  return { violations: () => found };
}
