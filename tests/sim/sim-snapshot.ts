/** Snapshots that outlive the processes that saved them: the newest whole one under each name. */
import type { LogLink } from './log-link.ts';

type Parts = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
type Saved = Readonly<{ positions: object; foldVersion: number; parts: readonly Uint8Array[] }>;
export type SnapshotShelf = Map<string, Saved>;

export type SimSnapshots = Readonly<{
  saveSnapshot(
    name: string,
    snapshot: Readonly<{ positions: object; foldVersion: number; parts: Parts }>,
  ): Promise<void>;
  loadSnapshot(
    name: string,
    foldVersion: number,
  ): Promise<
    | Readonly<{ positions: object; foldVersion: number; parts: AsyncIterable<Uint8Array> }>
    | undefined
  >;
}>;

const waitMs = 5_000;

export function openSimSnapshots(
  shelf: SnapshotShelf,
  link: LogLink,
  onRestored: (name: string) => void,
): SimSnapshots {
  return {
    saveSnapshot: async (name, { positions, foldVersion, parts }) => {
      const whole: Uint8Array[] = [];
      for await (const part of parts) whole.push(part);
      await new Promise<void>((resolve, reject) => {
        const save = (reply: (answer: undefined) => void): void => {
          shelf.set(name, { positions, foldVersion, parts: whole });
          reply(undefined);
        };
        link.ask<undefined>(`save ${name}`, waitMs, save, () => resolve(), reject);
      });
    },
    loadSnapshot: async (name, foldVersion) => {
      const found = await new Promise<Saved | undefined>((resolve, reject) => {
        link.ask<Saved | undefined>(
          `snapshot ${name}`,
          waitMs,
          (reply) => reply(shelf.get(name)),
          resolve,
          reject,
        );
      });
      if (found?.foldVersion !== foldVersion) return undefined;
      onRestored(name);
      return { positions: found.positions, foldVersion, parts: streamed(found.parts) };
    },
  };
}

async function* streamed(parts: readonly Uint8Array[]): AsyncIterable<Uint8Array> {
  yield* parts;
}
