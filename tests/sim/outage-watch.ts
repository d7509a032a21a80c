/**
 * Invariant 10: an outage of the log expires no offer whose answer reached its gateway in time. Watches for words of agents as they
 * reach a gateway that nothing else has befallen, and for offers that expire all the same.
 */
import { parseWireJobId } from '@waybill/protocol';
import { z } from 'zod';
import type { Violation } from '../support/evidence.ts';
import type { Life } from './life.ts';
import type { Network } from './network.ts';
import type { Observer } from './observer.ts';
import type { SimLog } from './sim-log.ts';

type Watched = Readonly<{ log: SimLog; network: Network; observer: Observer }>;
type Heard = Readonly<{ atMs: number; gateway: Life }>;

const Word = z.looseObject({ type: z.literal('job.ack'), jobId: z.string() });

export function openOutageWatch({ log, network, observer }: Watched): Readonly<{
  violations(): readonly Violation[];
}> {
  const heard = new Map<string, Heard>();
  const found: Violation[] = [];

  network.onFrame((_from, to, text) => {
    if (!to.name.startsWith('gateway') || !text.includes('"job.ack"')) return;
    const word = Word.safeParse(JSON.parse(text));
    const wire = word.success ? parseWireJobId(word.data.jobId) : undefined;
    if (wire === undefined) return;
    const key = `${wire.jobId} ${wire.attempt}`;
    if (!heard.has(key)) heard.set(key, { atMs: log.serverTime(), gateway: to });
  });
  observer.onMoment(({ event, before, isVoid }) => {
    if (event.type !== 'job.expired' || isVoid) return;
    const { jobId, attempt } = event.body;
    const word = heard.get(`${jobId} ${attempt}`);
    const job = before.jobs.find(({ spec }) => spec.jobId === jobId);
    const until = job?.attempts.at(-1)?.until ?? 0;
    if (word === undefined || word.atMs > until) return;
    const { gateway } = word;
    if (!gateway.isAlive || gateway.isDisturbed) return;
    const what = `${jobId} attempt ${attempt} expired ${event.at - word.atMs} ms after its ack had reached ${gateway.name}`;
    found.push({ invariant: 10, seq: event.seq, what });
  });
  return { violations: () => found };
}
