/** Lets the faults of a plan happen to a world, puts each right when its time is over, and all of them in the end. */
import { agentDraft, headersOf } from '@waybill/protocol';
import type { Actor } from './cast.ts';
import { ORG } from './client.ts';
import { describeFault, type Fault } from './fault-plan.ts';
import type { Life } from './life.ts';
import type { LinkState, LogLink } from './log-link.ts';
import type { Network } from './network.ts';
import type { Observer } from './observer.ts';
import type { SimLog } from './sim-log.ts';
import { strayInto } from './stray.ts';
import type { World } from './world.ts';

export type Theatre = Readonly<{
  world: World;
  log: SimLog;
  network: Network;
  linkState: LinkState;
  actors: readonly Actor[];
  observer: Observer;
  links(): readonly LogLink[];
}>;

export type Faults = Readonly<{
  /** Everybody is there, nothing is lost, nothing is slow. */
  calm(): void;
  /** Nothing goes wrong at the moment. */
  isCalm(): boolean;
}>;

/** What puts it right. */
type Undo = () => void;

export function letHappen(theatre: Theatre, faults: readonly Fault[]): Faults {
  const { world, actors, network, linkState, log } = theatre;
  let outages = 0;
  let open = 0;

  const actorOf = (name: string): Actor | undefined => actors.find((each) => each.name === name);
  const outage = (isOn: boolean): void => {
    outages += isOn ? 1 : -1;
    for (const link of theatre.links()) {
      if (isOn) link.cut();
      else if (outages === 0) link.mend();
    }
  };
  const hurt = (agent: string, how: 'sever' | 'cut'): void => {
    for (const wire of network.wires()) {
      if (wire.client.life.name !== agent) continue;
      if (how === 'sever') wire.sever();
      else wire.drop(wire.client, world.random.between(0.5, 500));
    }
  };
  const set = (kind: Fault['kind'], isOn: boolean): void => {
    if (isOn && kind.endsWith('-log'))
      for (const { life } of theatre.links()) life.isDisturbed = true;
    if (kind === 'slow-log')
      Object.assign(linkState, { slowChance: isOn ? 0.2 : 0, slowMs: 4_000 });
    if (kind === 'lossy-log') linkState.lossChance = isOn ? 0.15 : 0;
    if (kind === 'slow-net')
      Object.assign(network.state, { slowChance: isOn ? 0.3 : 0, slowMs: 6_000 });
    if (kind === 'tee') network.state.teeChance = isOn ? 0.5 : 0;
    if (kind === 'cuts') network.state.cutChance = isOn ? 0.05 : 0;
  };
  const hold = (life: Life | undefined): Undo => {
    if (life !== undefined) world.freeze(life);
    return () => life && world.thaw(life);
  };
  /** Waits for the actor to pass the milestone; whoever comes late meets a fault that is over. */
  const trap = ({ actor: name, milestone, how }: Extract<Fault, { kind: 'trap' }>): Undo => {
    const actor = actorOf(name);
    const life = actor?.life();
    if (actor === undefined || life === undefined) return () => undefined;
    const spring = (): void => {
      world.trace.note(
        world.now(),
        name,
        `is ${how === 'freeze' ? 'frozen' : 'killed'} at ${milestone}`,
      );
      if (how === 'freeze') world.freeze(life);
      else actor.kill();
    };
    life.trap = { milestone, spring };
    return () => {
      life.trap = undefined;
      world.thaw(life);
      actor.start();
    };
  };
  const isolate = (agent: string): Undo => {
    network.isolated.add(agent);
    hurt(agent, 'sever');
    return () => network.isolated.delete(agent);
  };
  const drain = (agentId: string, draining: boolean): void => {
    const draft = agentDraft({
      org: ORG,
      agentId,
      type: 'draining',
      gateway: '',
      id: `drain:${world.events()}:${draining}`,
      source: '/waybill/api',
      body: JSON.stringify({ draining, by: 'somebody' }),
    });
    const headers = { ...headersOf(draft), 'Nats-Msg-Id': draft.meta.id };
    log.append(
      draft.subject,
      headers,
      new TextEncoder().encode(String(draft.body)),
      () => undefined,
    );
  };
  const cutOff = (link: LogLink | undefined): Undo => {
    if (link !== undefined) link.life.isDisturbed = true;
    link?.cut();
    return () => {
      if (outages === 0) link?.mend();
    };
  };
  const away = (actor: Actor | undefined, how: 'kill' | 'stop' | 'lose-power'): Undo => {
    const life = actor?.life();
    for (const wire of how === 'lose-power' ? network.wires() : [])
      if (wire.client.life === life || wire.server.life === life) wire.sever();
    if (how === 'stop') actor?.stop();
    else actor?.kill();
    return () => actor?.start();
  };
  type OfAgent = Extract<Fault, { agent: string }>['kind'];
  const beset = (kind: OfAgent, agent: string): Undo => {
    switch (kind) {
      case 'isolate':
        return isolate(agent);
      case 'false-grant':
        network.grantFalsely(agent);
        return () => undefined;
      case 'drain':
        drain(agent, true);
        return () => drain(agent, false);
      case 'sever':
      case 'cut':
        hurt(agent, kind);
        return () => undefined;
    }
  };
  const begin = (fault: Fault): Undo => {
    if ('agent' in fault) return beset(fault.kind, fault.agent);
    switch (fault.kind) {
      case 'freeze':
        return hold(actorOf(fault.actor)?.life());
      case 'trap':
        return trap(fault);
      case 'stray':
        strayInto(theatre, fault.what);
        return () => undefined;
      case 'kill':
      case 'stop':
      case 'lose-power':
        return away(actorOf(fault.actor), fault.kind);
      case 'cut-log':
        return cutOff(actorOf(fault.actor)?.link());
      case 'outage':
        outage(true);
        return () => outage(false);
      case 'elect':
        log.elect(fault.offMs);
        return () => log.elect(0);
      default:
        set(fault.kind, true);
        return () => set(fault.kind, false);
    }
  };
  const happen = (fault: Fault): void => {
    open += 1;
    const undo = begin(fault);
    world.schedule(fault.forMs, undefined, `over: ${fault.kind}`, () => {
      open -= 1;
      undo();
    });
  };
  for (const fault of faults)
    world.schedule(fault.atMs, undefined, describeFault(fault), () => happen(fault));

  return {
    isCalm: () => open === 0,
    calm: () => {
      for (const fault of faults) set(fault.kind, false);
      log.elect(0);
      network.isolated.clear();
      for (const actor of actors) {
        const life = actor.life();
        if (life !== undefined) {
          life.trap = undefined;
          world.thaw(life);
        }
        actor.link()?.mend();
        actor.start();
      }
      // A link of which neither side knows that it is dead is found out by pings; that takes its time and is no fault.
    },
  };
}
