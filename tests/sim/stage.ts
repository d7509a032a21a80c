/**
 * Where product code that was loaded into the simulator finds the world that is being played: the module hooks put calls to it in
 * the place of real connections, sockets and chance. One world at a time in one thread.
 */
import type { Journal } from '@waybill/journal';
import type { Clock, Logger } from '@waybill/process';
import type { Network } from './network.ts';
import type { OpenAppender } from './sim-journal.ts';
import type { World } from './world.ts';

export type Scene = Readonly<{
  world: World;
  network: Network;
  /** A process passes a milestone, in the middle of an event. */
  passed(milestone: string): void;
  openJournal(
    o: Readonly<{ clock: Clock; log: Logger }>,
    openAppender: OpenAppender,
  ): Promise<Journal>;
}>;

let scene: Scene | undefined;

export function setScene(next: Scene | undefined): void {
  scene = next;
}

function played(): Scene {
  if (scene === undefined) throw new Error('no world is being played');
  return scene;
}

export const stage = {
  get network(): Network {
    return played().network;
  },
  get world(): World {
    return played().world;
  },
  openJournal: ((o, openAppender) => played().openJournal(o, openAppender)) as Scene['openJournal'],
  passed: (milestone: string): void => scene?.passed(milestone),
  /** Modules may ask for chance while they are loaded, before there is any world. */
  random: (): number => (scene === undefined ? 0.5 : scene.world.random.next()),
  /** A pure function that remembers what it gave for each object. */
  once: <K extends object, T>(read: (of: K) => T): ((of: K) => T) => {
    const known = new WeakMap<K, { readonly answer: T }>();
    return (of) => {
      const found = known.get(of) ?? { answer: read(of) };
      known.set(of, found);
      return found.answer;
    };
  },
  newId: (): string => {
    let id = '';
    for (let place = 0; place < 26; place++)
      id += '0123456789abcdefghjkmnpqrstvwxyz'.charAt(Math.floor(stage.random() * 32));
    return id;
  },
};
