/**
 * Which gateways are there: those that hold their lease. One of which nobody has told yet does not count, be it dead since long; the
 * leases that are held are told at the start, and a new one soon after its first session at the latest.
 */
import { leaseOfGateway } from '@waybill/protocol';

export type Gateways<S> = Readonly<{
  heard(lease: string, isHeld: boolean): void;
  enter(sitter: S, gateway: string): void;
  leave(sitter: S, gateway: string): void;
  isPresent(gateway: string): boolean;
}>;

type Gateway<S> = { isHeld: boolean; readonly sitters: Set<S> };

/** `onChange`: its gateway has come or gone. */
export function createGateways<S>(onChange: (sitter: S) => void): Gateways<S> {
  const known = new Map<string, Gateway<S>>();

  const gatewayOf = (lease: string): Gateway<S> => {
    const found = known.get(lease) ?? { isHeld: false, sitters: new Set<S>() };
    known.set(lease, found);
    return found;
  };
  const forget = (lease: string, { isHeld, sitters }: Gateway<S>): void => {
    if (!isHeld && sitters.size === 0) known.delete(lease);
  };

  return {
    heard: (lease, isHeld) => {
      const gateway = gatewayOf(lease);
      if (gateway.isHeld !== isHeld) {
        gateway.isHeld = isHeld;
        for (const sitter of gateway.sitters) onChange(sitter);
      }
      forget(lease, gateway);
    },
    enter: (sitter, gateway) => void gatewayOf(leaseOfGateway(gateway)).sitters.add(sitter),
    leave: (sitter, gateway) => {
      const lease = leaseOfGateway(gateway);
      const found = known.get(lease);
      found?.sitters.delete(sitter);
      if (found !== undefined) forget(lease, found);
    },
    isPresent: (gateway) => known.get(leaseOfGateway(gateway))?.isHeld === true,
  };
}
