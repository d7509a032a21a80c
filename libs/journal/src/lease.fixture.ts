/** For the contract suite of leases: a clock whose monotonic reading a test moves, and candidates in processes of their own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type Clock, newId, systemClock } from '@waybill/process';
import type { Journal } from './journal.ts';
import type { Lease, LeaseOptions } from './lease.ts';

/** As a process sees it that was frozen for so long: time has passed, and no timer has fired. */
export function skippingClock(): Clock & Readonly<{ skip(ms: number): void }> {
  let skippedMs = 0;
  return {
    ...systemClock,
    monotonicMs: () => systemClock.monotonicMs() + skippedMs,
    skip: (ms) => {
      skippedMs += ms;
    },
  };
}

export const freshName = (kind = 'dispatcher'): string => `${kind}.${newId()}`;

export type Campaign = Readonly<{
  lease: Lease;
  gained: readonly number[];
  lost(): number;
}>;

export function campaign(
  journal: Journal,
  o: Pick<LeaseOptions, 'name' | 'ttlMs'> & { holder?: string },
): Campaign {
  const gained: number[] = [];
  let lost = 0;
  const lease = journal.lease({
    holder: 'spec',
    ...o,
    onGained: (epoch) => void gained.push(epoch),
    onLost: () => {
      lost += 1;
    },
  });
  return { lease, gained, lost: () => lost };
}

/** The lease was held at an instant between the two, in nanoseconds of the host's own monotonic clock. */
export type Sample = Readonly<{ epoch: number; fromNs: bigint; toNs: bigint }>;

export type Candidate = Readonly<{
  process: ChildProcess;
  samples: readonly Sample[];
  /** Held now, as far as it has said. */
  epoch(): number | undefined;
  freeze(): void;
  thaw(): void;
  kill(): Promise<void>;
}>;

/** A process that campaigns for one lease and says all the time whether it holds it. */
export function startCandidate(
  o: Readonly<{ nats: object; name: string; ttlMs: number }>,
): Candidate {
  const script = new URL('lease-candidate.fixture.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [script, JSON.stringify(o)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const samples: Sample[] = [];
  let epoch: number | undefined;
  createInterface({ input: child.stdout }).on('line', (line) => {
    const [held = '', fromNs = '', toNs = ''] = line.split(' ');
    epoch = held === '-' ? undefined : Number(held);
    if (epoch !== undefined) samples.push({ epoch, fromNs: BigInt(fromNs), toNs: BigInt(toNs) });
  });
  return {
    process: child,
    samples,
    epoch: () => epoch,
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    kill: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** Two samples of different epochs that prove two holders at one instant. */
export function overlaps(all: readonly Sample[]): readonly Readonly<[Sample, Sample]>[] {
  const last = new Map<number, Sample>();
  const first = new Map<number, Sample>();
  for (const sample of all) {
    const { epoch } = sample;
    if (sample.fromNs > (last.get(epoch)?.fromNs ?? -1n)) last.set(epoch, sample);
    const earliest = first.get(epoch);
    if (earliest === undefined || sample.toNs < earliest.toNs) first.set(epoch, sample);
  }
  const found: Readonly<[Sample, Sample]>[] = [];
  for (const [epoch, ended] of last) {
    for (const [next, begun] of first) {
      if (next > epoch && ended.fromNs > begun.toNs) found.push([ended, begun]);
    }
  }
  return found;
}
