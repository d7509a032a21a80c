/**
 * Which gateways are there, by their leases. One that never had a lease is older than leases and counts as there; one whose lease
 * has lapsed does not, until it is held again.
 */

export type Gateways<S> = Readonly<{
  heard(lease: string, isHeld: boolean): void;
  enter(sitter: S, gateway: string): void;
  leave(sitter: S, gateway: string): void;
  isPresent(gateway: string): boolean;
  /** The leases that were ever held, of gateways that somebody sits at. */
  leased(): readonly string[];
  /** Lapsed, until they are heard of. */
  restore(leases: readonly string[]): void;
}>;

type Gateway<S> = { isHeld: boolean | undefined; readonly sitters: Set<S> };

/** The lease of the gateway that events name `<id>/<start>`. */
const leaseOf = (gateway: string): string => `gateway.${gateway.replaceAll('/', '.')}`;

/** `onChange`: its gateway has come or gone. */
export function createGateways<S>(onChange: (sitter: S) => void): Gateways<S> {
  const known = new Map<string, Gateway<S>>();

  const gatewayOf = (lease: string): Gateway<S> => {
    const found = known.get(lease) ?? { isHeld: undefined, sitters: new Set<S>() };
    known.set(lease, found);
    return found;
  };
  const forget = (lease: string, { isHeld, sitters }: Gateway<S>): void => {
    if (isHeld !== true && sitters.size === 0) known.delete(lease);
  };

  return {
    heard: (lease, isHeld) => {
      const gateway = gatewayOf(lease);
      if (gateway.isHeld === isHeld) return;
      gateway.isHeld = isHeld;
      for (const sitter of gateway.sitters) onChange(sitter);
      forget(lease, gateway);
    },
    enter: (sitter, gateway) => void gatewayOf(leaseOf(gateway)).sitters.add(sitter),
    leave: (sitter, gateway) => {
      const lease = leaseOf(gateway);
      const found = known.get(lease);
      found?.sitters.delete(sitter);
      if (found !== undefined) forget(lease, found);
    },
    isPresent: (gateway) => known.get(leaseOf(gateway))?.isHeld !== false,
    leased: () =>
      [...known].flatMap(([lease, { isHeld, sitters }]) =>
        isHeld !== undefined && sitters.size > 0 ? [lease] : [],
      ),
    restore: (leases) => {
      for (const lease of leases) gatewayOf(lease).isHeld = false;
    },
  };
}
