/**
 * The gateway's parts, wired: custody from the log and its lease first, then the door opened, while what a predecessor left open
 * is ended. Stops in the opposite order, within a bound, and says in the log what became of every socket.
 */
import type { Journal, Positions, Reader } from '@waybill/journal';
import type { Objects } from '@waybill/objects';
import { type Clock, type KeyRing, type Logger, type Readiness, readiness } from '@waybill/process';
import { gatewayId } from '@waybill/protocol';
import { custodyBook } from '../domain/custody.ts';
import { limits } from '../domain/limits.ts';
import { openSessions } from '../domain/open-session.ts';
import type { SignIn } from '../domain/session-protocol.ts';
import { openAgentFeed } from './agent-feed.ts';
import { restoreBook, startBookKeeping } from './book-keeping.ts';
import { openCompletions } from './completions.ts';
import { leave } from './departure.ts';
import { openEventIntake } from './event-intake.ts';
import { openFactWriter } from './fact-writer.ts';
import { openFleetDesk } from './fleet-desk.ts';
import { openFrameIntake } from './frame-intake.ts';
import { type GhostWatch, openGhostWatch } from './ghost-watch.ts';
import { openHttpDoor } from './http-door.ts';
import { openLogGate } from './log-gate.ts';
import { openLogLedger } from './log-ledger.ts';
import { openObjectIntake } from './object-intake.ts';
import { openOfferLoop } from './offer-loop.ts';
import { watchOpenFiles } from './open-files.ts';
import { startPresence } from './presence.ts';
import { openReconciliation } from './reconciliation.ts';
import { openRegistry } from './registry.ts';
import { openRunHistory } from './run-history.ts';
import { openSocketServer, type SocketServer } from './socket-server.ts';
import { openTenure } from './tenure.ts';
import { workSlots } from './work-slots.ts';

export type GatewayOptions = Readonly<{
  journal: Pick<
    Journal,
    | 'append'
    | 'last'
    | 'load'
    | 'read'
    | 'replay'
    | 'lease'
    | 'watchLeases'
    | 'saveSnapshot'
    | 'loadSnapshot'
    | 'maxPayload'
    | 'status'
    | 'close'
  >;
  /** Undefined where nothing is stored beside the log. */
  objects?: Objects | undefined;
  ring: KeyRing;
  clock: Clock;
  log: Logger;
  /** As `<id>/<start>`. */
  name: string;
  signIn: SignIn;
  listen: Readonly<{ host: string; port: number }> | undefined;
  /** Gives up a start that is no longer wanted. */
  signal: AbortSignal;
  fail: (error: Error) => void;
}>;

export type Gateway = Pick<SocketServer, 'upgrade'> &
  Readonly<{
    port: number | undefined;
    check(): Readiness;
    stop(): Promise<void>;
  }>;

export async function openGateway(o: GatewayOptions): Promise<Gateway> {
  const { journal, clock, log, name: gateway } = o;
  const giveUp = new AbortController();
  const signal = AbortSignal.any([o.signal, giveUp.signal]);
  let failure: Error | undefined;
  let isDraining = false;
  const onFailure = (error: Error): void => {
    failure ??= error;
    o.fail(error);
  };

  const tenure = openTenure({ journal, gateway });
  const book = custodyBook({ endedRunsMax: limits.endedRunsMax });
  const sessions = openSessions(gatewayId(gateway));
  const registry = openRegistry();
  const facts = openFactWriter({ journal, clock, log, signal });
  const history = openRunHistory({ journal, clock, log, signal, onFailure });
  const completions = openCompletions(facts);
  const logs = openLogLedger({ journal, history, clock, signal });
  const reconciliation = openReconciliation({ book, history, facts, completions, log });
  const events = openEventIntake({ ...o, book, facts, history });
  const debt = { bytes: 0 };
  const gated = { logs, gate: openLogGate(debt) };
  const fleet = openFleetDesk({ objects: o.objects, registry, facts, gateway, clock, log });
  const objects = openObjectIntake({
    objects: o.objects,
    book,
    facts,
    history,
    completions,
    clock,
    log,
  });
  const intake = openFrameIntake({
    objects,
    fleet,
    ...gated,
    events,
    book,
    facts,
    history,
    completions,
    gateway,
  });
  const kept = { ...o, book, sessions, gateway };
  const restored = await restoreBook(kept);

  // What it looks at is followed before it looks.
  const watching: { ghosts?: GhostWatch } = {};
  const following = { ...o, registry, onFailure };
  const offers = await openOfferLoop({
    ...following,
    objects: o.objects,
    book,
    history,
    logs,
    reconciliation,
    tenure,
    facts,
    signal,
    from: restored.WB_RUNS,
  });
  const agents = await openAgentFeed({
    ...following,
    sessions,
    onHolder: (holder) => watching.ghosts?.heard(holder),
    onLogsRequested: fleet.asked,
    from: restored.WB_AGENTS,
  });
  await Promise.all([offers.reader.caughtUp, agents.caughtUp]);
  const deps = {
    ...following,
    gateway,
    book,
    facts,
    reconciliation,
    intake,
    debt,
    unsent: { bytes: 0 },
    admission: workSlots(limits.registrationsAtOnceMax),
    signal,
  };
  const ghosts = await openGhostWatch({
    ...following,
    sessions,
    gateway,
    signal,
    end: (who) => leave(deps, who, { code: 1006, reason: 'gateway_restarted' }, 'gateway'),
  });
  watching.ghosts = ghosts;
  // Nobody offers work to its sessions before, and whoever sees one without it may end it.
  await tenure.held(signal);
  const keeping = startBookKeeping({
    ...kept,
    positions: () => positionsOf(offers.reader, agents),
  });

  const maxPayload = Math.min(limits.frameBytesMax, journal.maxPayload - limits.frameReserveBytes);
  const files = watchOpenFiles({ clock, log });
  const server = openSocketServer(deps, { maxPayload, files });
  const presence = startPresence({ ...deps, seats: registry.seats });
  const check = (): Readiness => {
    if (isDraining) return { ready: false, reason: 'draining' };
    if (failure !== undefined) return { ready: false, reason: failure.message };
    if (!journal.status().connected) return { ready: false, reason: 'not connected to NATS' };
    if (!tenure.isHeld()) return { ready: false, reason: 'the lease of this gateway is not held' };
    return files.check(server.count());
  };
  const gate = readiness([{ name: 'agent-gateway', check }], { clock });
  const door =
    o.listen === undefined
      ? undefined
      : await openHttpDoor({ ...o.listen, gate, upgrade: server.upgrade });
  if (door !== undefined) log.info({ port: door.port }, 'agents connect here');

  const drain = async (): Promise<void> => {
    const closed = door?.close();
    await offers.stop();
    await server.drain();
    await facts.idle();
    await Promise.all([ghosts.stop(), agents.stop()]);
    await keeping.save();
    await tenure.release();
    await closed;
  };
  const stop = async (): Promise<void> => {
    isDraining = true;
    keeping.stop();
    presence.cancel();
    files.stop();
    const late = Promise.withResolvers<'late'>();
    const timer = clock.after(limits.drainMs, () => late.resolve('late'));
    const outcome = await Promise.race([drain(), late.promise]);
    timer.cancel();
    // Whoever sees the lease lapse finds the sessions without an end, and says what could not be said now.
    if (outcome === 'late')
      log.warn('the log did not answer in time: sockets end without a word in it');
    giveUp.abort(new Error('the gateway has stopped'));
    // Only now: a commit that was under way has been waited for.
    await o.objects?.close();
    await journal.close();
  };
  return { upgrade: server.upgrade, port: door?.port, check, stop };
}

/** Of the readers whose words make up what is saved. */
function positionsOf(offers: Reader, agents: Reader): Positions {
  const runs = offers.position();
  const agentsAt = agents.position();
  return {
    ...(runs === undefined ? {} : { WB_RUNS: runs }),
    ...(agentsAt === undefined ? {} : { WB_AGENTS: agentsAt }),
  };
}
