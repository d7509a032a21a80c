/**
 * Which gateways hold their lease. While one has lapsed the deadlines of its sessions stand still, for so long at most; then it is
 * lost. Pure but for its own table; all times are server times that it is told.
 */
import { leaseOfGateway } from '@waybill/protocol';

/** How long a lapsed gateway is waited for. */
export const LAPSE_MS = 30_000;

export type Standing =
  /** `backAt`: when it came back from its last lapse, 0 for never. */
  | Readonly<{ is: 'held'; backAt: number }>
  /** `seen`: not merely unknown, as one of which a session is told before its lease. */
  | Readonly<{ is: 'lapsed'; since: number; seen: boolean }>;

export type GatewayWatch = Readonly<{
  /** A lease is held. True where it had lapsed before. */
  held(lease: string, at: number): boolean;
  lapsed(lease: string, at: number): void;
  /** A session names it; where nobody has told of its lease, it counts as lapsed from here. */
  named(gateway: string, at: number): void;
  standing(gateway: string): Standing | undefined;
  isLost(gateway: string, now: number): boolean;
  /** Whoever is waited for is waited for anew: leases lapse for everybody while the log is away. */
  restart(now: number): void;
  forget(gateway: string): void;
}>;

export function createGatewayWatch(): GatewayWatch {
  const table = new Map<string, Standing>();
  const standing = (gateway: string): Standing | undefined => table.get(leaseOfGateway(gateway));

  return {
    held: (lease, at) => {
      const known = table.get(lease);
      if (known?.is === 'held') return false;
      const isBack = known?.seen === true;
      table.set(lease, { is: 'held', backAt: isBack ? at : 0 });
      return isBack;
    },
    lapsed: (lease, at) => {
      const known = table.get(lease);
      const since = known?.is === 'lapsed' ? known.since : at;
      table.set(lease, { is: 'lapsed', since, seen: true });
    },
    named: (gateway, at) => {
      if (standing(gateway) === undefined)
        table.set(leaseOfGateway(gateway), { is: 'lapsed', since: at, seen: false });
    },
    standing,
    isLost: (gateway, now) => {
      const known = standing(gateway);
      return known?.is === 'lapsed' && now > known.since + LAPSE_MS;
    },
    restart: (now) => {
      for (const [lease, known] of table)
        if (known.is === 'lapsed') table.set(lease, { is: 'lapsed', since: now, seen: true });
    },
    forget: (gateway) => {
      if (standing(gateway)?.is === 'lapsed') table.delete(leaseOfGateway(gateway));
    },
  };
}
