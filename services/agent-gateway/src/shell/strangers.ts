/** Sockets whose agents have not registered yet, bounded together and of one address: nobody can take the places of all others. */
import { limits } from '../domain/limits.ts';

/** The address of those of whom nobody asked. */
export const UNKNOWN = '';

export type Strangers<T> = Readonly<{
  /** While there are few nobody needs to know from where they come, and to ask costs memory for as long as the socket lives. */
  areFew(): boolean;
  hasRoom(address: string): boolean;
  came(stranger: T, address: string): void;
  /** It has registered, or is gone. */
  known(stranger: T): void;
}>;

export function openStrangers<T>(): Strangers<T> {
  const addresses = new Map<T, string>();
  const ofAddress = new Map<string, number>();
  const count = (address: string): number => ofAddress.get(address) ?? 0;
  // Those of whom nobody asked count for every address.
  const countFor = (address: string): number =>
    count(address) + (address === UNKNOWN ? 0 : count(UNKNOWN));
  return {
    areFew: () => addresses.size < limits.strangersFew,
    hasRoom: (address) =>
      addresses.size < limits.strangersMax && countFor(address) < limits.strangersOfAddressMax,
    came: (stranger, address) => {
      addresses.set(stranger, address);
      ofAddress.set(address, count(address) + 1);
    },
    known: (stranger) => {
      const address = addresses.get(stranger);
      if (address === undefined) return;
      addresses.delete(stranger);
      const left = count(address) - 1;
      if (left === 0) ofAddress.delete(address);
      else ofAddress.set(address, left);
    },
  };
}
