/** Which scenes there are, and which of them a seed plays. */
import {
  busyFleet,
  crowded,
  drained,
  isolated,
  lostPower,
  massExpiry,
  scaledDown,
  silent,
  twoSockets,
} from './agent-scenes.ts';
import type { Random } from './random.ts';
import type { Scene } from './scene.ts';
import {
  closeRace,
  falseGrant,
  frozenLeader,
  halfRegistered,
  lapsed,
  lateSender,
  lateSign,
  outage,
  reborn,
  unheard,
} from './service-scenes.ts';

const scenes = [
  isolated,
  outage,
  unheard,
  lateSender,
  twoSockets,
  frozenLeader,
  silent,
  lateSign,
  lapsed,
  crowded,
  halfRegistered,
  falseGrant,
  lostPower,
  massExpiry,
  scaledDown,
  drained,
  closeRace,
  busyFleet,
  reborn,
] as const;

export const drawScene = (random: Random): Scene => random.pick(scenes)(random);
