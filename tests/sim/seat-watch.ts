/**
 * The newest session of an agent wins: whatever older sockets it has are closed soon after it has registered on another, and none
 * of them keeps its place beside the new one.
 */
import type { SimViolation } from './judgement.ts';
import type { Network, Wire } from './network.ts';
import type { Observer } from './observer.ts';
import type { World } from './world.ts';

type Watched = Readonly<{
  world: World;
  network: Network;
  observer: Observer;
  isCalm: () => boolean;
}>;

/** More than a gateway needs to read of it and to end a socket that does not answer any more. */
const withinMs = 10_000;

export function openSeatWatch({ world, network, observer, isCalm }: Watched): Readonly<{
  violations(): readonly SimViolation[];
}> {
  const found: SimViolation[] = [];
  const registered = new WeakSet<Wire>();
  let turmoils = 0;
  let wasCalm = true;

  network.onSent((_from, text, wire) => {
    if (text.startsWith('{"type":"register.ack"')) registered.add(wire);
  });
  const turmoil = (): number => {
    if (wasCalm !== isCalm()) turmoils += 1;
    wasCalm = isCalm();
    return turmoils;
  };
  const hasPlace = ({ server }: Wire): boolean =>
    !server.isClosed && server.life.isAlive && !server.life.isFrozen;

  observer.onSession(({ agentId }) => {
    const before = turmoil();
    // The answer to the new one is not on its way yet.
    const older = network
      .wires()
      .filter((wire) => wire.client.life.name === agentId && registered.has(wire))
      .filter(hasPlace);
    world.schedule(withinMs, undefined, 'looks for older sockets', () => {
      if (!isCalm() || turmoil() !== before) return;
      const places = older.filter(hasPlace).length;
      if (places > 0)
        found.push({
          invariant: 'rule',
          seq: null,
          what: `${places} older sockets of ${agentId} are there ${withinMs} ms after it has registered anew`,
        });
    });
  });
  return { violations: () => found };
}
