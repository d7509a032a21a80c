/**
 * The gateway's parts, wired: custody from the log first, then the predecessor's sessions ended, then the door opened. Stops in
 * the opposite order, within a bound, and says in the log what became of every socket.
 */
import type { Journal } from '@waybill/journal';
import { type Clock, type KeyRing, type Logger, type Readiness, readiness } from '@waybill/process';
import { custodyBook } from '../domain/custody.ts';
import { limits } from '../domain/limits.ts';
import type { OrgOfToken } from '../domain/session-protocol.ts';
import { openFactWriter } from './fact-writer.ts';
import { openFrameIntake } from './frame-intake.ts';
import { sweepGhosts } from './ghost-sweep.ts';
import { openHttpDoor } from './http-door.ts';
import { openOfferLoop } from './offer-loop.ts';
import { openReconciliation } from './reconciliation.ts';
import { openRegistry } from './registry.ts';
import { openRunHistory } from './run-history.ts';
import { openSocketServer, type SocketServer } from './socket-server.ts';

export type GatewayOptions = Readonly<{
  journal: Journal;
  ring: KeyRing;
  clock: Clock;
  log: Logger;
  /** As `<name>/<start>`. */
  name: string;
  orgOfToken: OrgOfToken;
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

  const book = custodyBook({ finishedRunsMax: limits.finishedRunsMax });
  const registry = openRegistry();
  const facts = openFactWriter({ journal, clock, log, signal });
  const history = openRunHistory({ journal, clock, log, signal, onFailure });
  const reconciliation = openReconciliation({ book, history, facts });
  const intake = openFrameIntake({ book, facts, history, gateway });
  const offers = await openOfferLoop({ ...o, book, registry, history, onFailure });
  await offers.reader.caughtUp;
  await sweepGhosts({ journal, facts, reconciliation, gateway, log });

  const deps = {
    clock,
    log,
    gateway,
    orgOfToken: o.orgOfToken,
    facts,
    registry,
    reconciliation,
    intake,
    debt: { bytes: 0 },
    signal,
  };
  const maxPayload = Math.min(limits.frameBytesMax, journal.maxPayload - limits.frameReserveBytes);
  const server = openSocketServer(deps, { maxPayload });
  const check = (): Readiness => {
    if (isDraining) return { ready: false, reason: 'draining' };
    if (failure !== undefined) return { ready: false, reason: failure.message };
    return journal.status().connected
      ? { ready: true }
      : { ready: false, reason: 'not connected to NATS' };
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
    await closed;
  };
  const stop = async (): Promise<void> => {
    isDraining = true;
    const late = Promise.withResolvers<'late'>();
    const timer = clock.after(limits.drainMs, () => late.resolve('late'));
    const outcome = await Promise.race([drain(), late.promise]);
    timer.cancel();
    // The next start finds the sessions without an end, and says what could not be said now.
    if (outcome === 'late')
      log.warn('the log did not answer in time: sockets end without a word in it');
    giveUp.abort(new Error('the gateway has stopped'));
    await journal.close();
  };
  return { upgrade: server.upgrade, port: door?.port, check, stop };
}
