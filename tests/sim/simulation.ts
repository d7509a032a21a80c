/** One seed: a world with its log, its network and its processes, the plan let happen to it, and what came of it. */

import { subscribe } from 'node:diagnostics_channel';
import type { Journal } from '@waybill/journal';
import type { Clock, Logger } from '@waybill/process';
import { isOutage, milestoneChannel, milestones } from '@waybill/process';
import { openBranches } from './branches.ts';
import { type Actor, castOf } from './cast.ts';
import { startClient } from './client.ts';
import { letHappen } from './faults.ts';
import { type Finding, judge } from './judgement.ts';
import { openLedger } from './ledger.ts';
import type { Life } from './life.ts';
import { type LinkState, type LogLink, openLogLink } from './log-link.ts';
import { openNetwork } from './network.ts';
import { openObserver } from './observer.ts';
import { openOfferWatch } from './offer-watch.ts';
import { openOutageWatch } from './outage-watch.ts';
import { startPeople } from './people.ts';
import { drawPlan, type Plan } from './plan.ts';
import { randomOf } from './random.ts';
import { openRuleWatch } from './rule-watch.ts';
import { openSeatWatch } from './seat-watch.ts';
import { simClock } from './sim-clock.ts';
import { type OpenAppender, simJournal } from './sim-journal.ts';
import { openLeaseTable } from './sim-lease.ts';
import { openSimLog } from './sim-log.ts';
import { simLogger } from './sim-logger.ts';
import { setScene, stage } from './stage.ts';
import { openStopWatch } from './stop-watch.ts';
import { withHolds } from './work-plan.ts';
import { openWorld } from './world.ts';

export type Outcome = Readonly<{
  seed: number;
  hash: string;
  events: number;
  simulatedMs: number;
  findings: readonly Finding[];
  branches: Readonly<Record<string, number>>;
  trace: readonly string[];
}>;

for (const name of milestones) subscribe(milestoneChannel(name), () => stage.passed(name));

/** Longer than any deadline of a run, one behind the other. */
const settleMs = 1_500_000;
/** Who asks and who is asked: they are no processes of ours. */
const outside: ReadonlySet<string> = new Set(['client', 'people']);
/** Late words of those that are done. */
const echoMs = 2_000;

export async function simulate(seed: number, keepsTrace = false): Promise<Outcome> {
  const drawn = drawPlan(randomOf(seed, 1));
  const plan = { ...drawn, runs: withHolds(drawn.runs, randomOf(seed, 2)) };
  const played = play(seed, plan, keepsTrace);
  try {
    return await played.run();
  } finally {
    setScene(undefined);
  }
}

/** Of a snapshot or a lease: `dispatcher` of `dispatcher.0of1`. */
const roleOf = (name: string): string => name.slice(0, name.indexOf('.'));

function play(seed: number, plan: Plan, keepsTrace: boolean) {
  const world = openWorld(seed);
  if (keepsTrace) world.trace.keepAll();
  const network = openNetwork(world);
  const log = openSimLog(world, plan);
  const linkState: LinkState = { lossChance: 0, slowChance: 0, slowMs: 0 };
  const links = new Map<Life, LogLink>();
  const branches = openBranches();
  const server = {
    log,
    leases: openLeaseTable(world),
    snapshots: new Map(),
    again: plan.again,
    onRestored: (name: string) => branches.seen(`restored:${roleOf(name)}`),
  };
  const observer = openObserver(log, branches);
  const findings: Finding[] = [];
  const ledger = openLedger(world, log.serverTime, (jobId) => {
    const [one, other] = ledger.runners(jobId);
    if (one === undefined || other === undefined) return;
    const what = `${one.agentId} and ${other.agentId} run ${jobId} at once`;
    findings.push({ invariant: 3, seq: null, what, event: world.events() });
  });
  const actors = castOf({
    world,
    network,
    ledger,
    linkState,
    scaled: plan.scaled,
    capacity: plan.capacity,
    partitions: plan.partitions,
    log: (life) => simLogger(world, life, branches.said),
    hostOffsetMs: () => world.random.between(-plan.hostOffsetMs, plan.hostOffsetMs),
    onGivenUp: (life) => branches.seen(`gave-up:${life.name.replace(/-\d$/, '')}`),
    onLink: (life, link) => void links.set(life, link),
  });
  const openJournal = async (
    o: Readonly<{ clock: Clock; log: Logger }>,
    openAppender: OpenAppender,
  ): Promise<Journal> => {
    const link = links.get(world.current() ?? world.begin('nobody', 0));
    if (link === undefined) throw new Error('somebody who is not on the stage opens a journal');
    const journal = simJournal(world, server, link, { ...o, openAppender });
    for (let attempt = 1; ; attempt++) {
      try {
        await journal.info('WB_RUNS');
        return journal;
      } catch (error) {
        if (!isOutage(error) || attempt === 3) throw error;
      }
    }
  };
  const passed = (milestone: string): void => {
    branches.seen(`passed:${milestone}`);
    const trap = world.current()?.trap;
    if (trap?.milestone !== milestone) return;
    branches.seen(`trapped:${milestone}`);
    trap.spring();
  };
  setScene({ world, network, openJournal, passed });

  log.onAnswer((answer, headers) => {
    if (answer.kind === 'stored' && answer.duplicate) branches.seen('append:duplicate');
    if (answer.kind !== 'error') return;
    const isOwn = log
      .messages('WB_RUNS')
      .some((each) => each.headers['Nats-Msg-Id'] === headers['Nats-Msg-Id']);
    branches.seen(isOwn ? 'append:landed-before' : `append:${answer.error.errCode}`);
  });
  network.onClose((life, code) => {
    if (!life.name.startsWith('gateway')) branches.seen(`close:${code}`);
  });
  server.leases.onChange(branches.lease);
  const outages = openOutageWatch({
    world,
    log,
    network,
    observer,
    leases: server.leases,
    isWatched: () =>
      ![...links.keys()].some((life) => life.name.startsWith('scheduler') && life.isDisturbed),
  });
  const faults = letHappen(
    { world, log, network, linkState, actors, observer, links: () => [...links.values()] },
    plan.faults,
  );
  const rules = openRuleWatch({ world, log, network, observer });
  const offers = openOfferWatch(observer);
  const seats = openSeatWatch({ world, network, observer, isCalm: faults.isCalm });
  const stops = openStopWatch({ world, network, observer, isCalm: faults.isCalm });
  openClient();
  openPeople();
  for (const actor of actors)
    world.schedule(world.random.between(0, 400), undefined, `${actor.name} begins`, actor.start);

  function openClient(): void {
    const life = world.begin('client', 0);
    links.set(life, openLogLink(world, life, linkState));
    const host = { clock: simClock(world, life), log: simLogger(world, life) };
    world.schedule(0, life, 'starts', () => {
      startClient({ ...host, ledger, runs: plan.runs }).catch(world.fail);
    });
  }
  function openPeople(): void {
    const life = world.begin('people', 0);
    links.set(life, openLogLink(world, life, linkState));
    const host = { clock: simClock(world, life), log: simLogger(world, life) };
    const random = randomOf(seed, 3);
    world.schedule(0, life, 'starts', () => {
      startPeople({ ...host, observer, random }).catch(world.fail);
    });
  }
  const isDone = (): boolean =>
    findings.length > 0 ||
    observer.violations().length > 0 ||
    (ledger.answers.length === plan.runs.length && observer.endedRuns() === plan.runs.length);

  const run = async (): Promise<Outcome> => {
    await world.run(plan.calmFromMs, isDone);
    faults.calm();
    for (const link of links.values()) if (outside.has(link.life.name)) link.mend();
    await world.run(plan.calmFromMs + settleMs, isDone);
    const quietMs = world.now();
    await world.run(quietMs + echoMs, () => false);
    const evidence = {
      world,
      log,
      observer,
      ledger,
      watched: [outages, rules, offers, seats, stops].flatMap((each) => each.violations()),
    };
    if (findings.length === 0) findings.push(...judge(evidence));
    return {
      seed,
      hash: world.trace.hash(),
      events: world.events(),
      simulatedMs: quietMs,
      findings,
      branches: branches.counts(),
      trace: world.trace.lines(),
    };
  };
  return { run, actors: actors satisfies readonly Actor[] };
}
