/** What one idle agent costs the process that holds its socket: the gateway, and a bare `ws` server in the same round. */
import { systemClock } from '@waybill/process';
import { z } from 'zod';
import { inTurn } from '../measure/alternation.ts';
import { startRole } from '../measure/role.ts';
import { type Fleet, startFleet, type Undo, undoAll } from './crew.ts';
import { MemoryUse } from './memory-use.ts';
import type { Scene } from './scene.ts';

export const holders = ['bare ws', 'gateway'] as const;
export type Holder = (typeof holders)[number];

export type Held = Readonly<{
  holder: Holder;
  rep: number;
  agents: number;
  rssBytesEach: number;
  heldBytesEach: number;
  rssBytes: number;
}>;

/** Come and go before anything is measured, so that code and caches are there. */
const warmUpMax = 500;
const settleMs = 1_500;

export async function memoryOf(
  scene: Scene,
  agents: number,
  reps: number,
): Promise<readonly Held[]> {
  const all: Held[] = [];
  for (let rep = 0; rep < reps; rep++)
    for (const holder of inTurn(holders, rep)) {
      const held = await held1(scene, holder, agents, rep);
      scene.context.say(
        `${holder}: ${agents} agents, ${Math.round(held.rssBytesEach)} bytes of rss each, ${Math.round(held.heldBytesEach)} held`,
      );
      all.push(held);
    }
  return all;
}

async function held1(scene: Scene, holder: Holder, agents: number, rep: number): Promise<Held> {
  const undo: Undo = [];
  try {
    const { agentToken } = scene.secrets;
    const file = holder === 'gateway' ? 'gateway.ts' : 'bare-server.ts';
    const role = startRole(holder, new URL(file, import.meta.url));
    undo.push(role.quit);
    const { port } = await role.ask('begin', z.object({ port: z.int() }), {
      body: { ...scene.links, ...scene.secrets, port: 0 },
    });
    const memory = async (): Promise<MemoryUse> => {
      await systemClock.sleep(settleMs);
      return role.ask('memory', MemoryUse);
    };
    const fleet = async (name: string, count: number): Promise<Fleet> => {
      const started = await startFleet({ port, agentToken, name, count });
      undo.push(started.quit);
      return started;
    };
    const first = await fleet('warm', Math.min(warmUpMax, agents));
    await first.ask('leave', z.unknown());
    const before = await memory();
    await fleet('idle', agents);
    const after = await memory();
    return {
      holder,
      rep,
      agents,
      rssBytesEach: (after.rssBytes - before.rssBytes) / agents,
      heldBytesEach: (after.heldBytes - before.heldBytes) / agents,
      rssBytes: after.rssBytes,
    };
  } finally {
    await undoAll(undo);
  }
}
