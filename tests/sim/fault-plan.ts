/** What may go wrong in a world, and how a handful of it is drawn. */
import type { Random } from './random.ts';
import { agents, everybody, services } from './stage-names.ts';
import { type StrayKind, strayKinds } from './stray.ts';

export type Fault = Readonly<{
  atMs: number;
  /** How long until it is put right. */
  forMs: number;
}> &
  Readonly<
    /** `lose-power`: killed, and its peers are not told. */
    | { kind: 'freeze' | 'kill' | 'stop' | 'cut-log' | 'lose-power'; actor: string }
    /** In the middle of what it does, where it passes the milestone. */
    | { kind: 'trap'; actor: string; milestone: string; how: 'freeze' | 'kill' }
    /** For everybody. */
    | { kind: 'outage' | 'slow-log' | 'lossy-log' | 'slow-net' | 'tee' | 'cuts' }
    /** `drain`: a person takes it out of use for that long. */
    | { kind: 'sever' | 'cut' | 'isolate' | 'false-grant' | 'drain'; agent: string }
    | { kind: 'elect'; offMs: number }
    | { kind: 'stray'; what: StrayKind }
  >;
type Kind = Fault['kind'];

/** By how many lots each is in the urn. */
const lots: Readonly<Record<Kind, number>> = {
  freeze: 3,
  kill: 3,
  stop: 1,
  'lose-power': 2,
  'false-grant': 1,
  'cut-log': 2,
  trap: 4,
  outage: 1,
  'slow-log': 1,
  'lossy-log': 1,
  'slow-net': 1,
  tee: 1,
  cuts: 1,
  sever: 1,
  cut: 2,
  isolate: 1,
  drain: 1,
  elect: 1,
  stray: 5,
};
const urn = Object.entries(lots).flatMap(
  ([kind, count]) => Array.from({ length: count }, () => kind as Kind), // the record's keys are its type
);

/** Where each kind of process may be stopped or killed in the middle of something. */
export const milestonesOf: Readonly<Record<string, readonly string[]>> = {
  dispatcher: [
    'decision.drafted',
    'offer.appended',
    'run.created',
    'cancel.appended',
    'completion.appended',
    'lease.gained',
  ],
  scheduler: [
    'due.read',
    'expired.appended',
    'overdue.appended',
    'extended.appended',
    'lease.gained',
  ],
  gateway: [
    'offer.read',
    'frame.sent',
    'ack.received',
    'ack.appended',
    'status.received',
    'status.appended',
    'registered.appended',
    'lost.appended',
    'returned.appended',
    'disconnected.appended',
    'lease.gained',
  ],
};

export function drawFaults(random: Random): readonly Fault[] {
  const count = random.chance(0.1) ? 0 : random.whole(1, 7);
  return Array.from({ length: count }, () => drawFault(random));
}

function drawFault(random: Random): Fault {
  const kind = random.pick(urn);
  const atMs = random.between(200, 25_000);
  const forMs = random.chance(0.2) ? random.between(5_000, 55_000) : random.between(50, 6_000);
  return kind === 'trap'
    ? drawTrap(random, { atMs, forMs })
    : drawOther(random, kind, { atMs, forMs });
}

type Place = Pick<Fault, 'atMs' | 'forMs'>;

function drawTrap(random: Random, place: Place): Fault {
  const actor = random.pick(services);
  const milestone = random.pick(milestonesOf[actor.replace(/-\d$/, '')] ?? ['lease.gained']);
  const how = random.pick(['freeze', 'kill'] as const);
  return { ...place, atMs: place.atMs / 2, kind: 'trap', actor, milestone, how };
}

function drawOther(random: Random, kind: Exclude<Kind, 'trap'>, place: Place): Fault {
  switch (kind) {
    case 'freeze':
    case 'kill':
    case 'stop':
    case 'cut-log':
    case 'lose-power':
      return { ...place, kind, actor: random.pick(everybody) };
    case 'sever':
    case 'cut':
    case 'isolate':
    case 'false-grant':
    case 'drain':
      return { ...place, kind, agent: random.pick(agents) };
    case 'elect':
      return { ...place, kind, offMs: random.between(-400, 400) };
    case 'stray':
      return { ...place, kind, what: random.pick(strayKinds) };
    default:
      return { ...place, kind };
  }
}

export const describeFault = (fault: Fault): string => {
  const about = Object.entries(fault).filter(([key]) => key !== 'atMs' && key !== 'forMs');
  return `${about.map(([, value]) => value).join(' ')} for ${Math.round(fault.forMs)} ms`;
};
