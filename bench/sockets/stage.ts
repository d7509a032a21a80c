/** A gateway with a dispatcher and a scheduler behind it, and work for its agents. */
import { z } from 'zod';
import { type Role, startRole } from '../measure/role.ts';
import type { Undo } from './crew.ts';
import type { Scene } from './scene.ts';
import { openWork, type Work } from './work.ts';

const startMs = 60_000;
const Port = z.object({ port: z.int() });

export type Stage = Readonly<{ gateway: Role; port: number; work: Work }>;

export async function startGateway(
  { links, secrets }: Scene,
  undo: Undo,
  port = 0,
): Promise<Pick<Stage, 'gateway' | 'port'>> {
  const gateway = startRole('gateway', new URL('gateway.ts', import.meta.url));
  undo.push(gateway.quit);
  const body = { ...links, ...secrets, port };
  return { gateway, ...(await gateway.ask('begin', Port, { body, withinMs: startMs })) };
}

export async function startStage(scene: Scene, undo: Undo): Promise<Stage> {
  const started = await startGateway(scene, undo);
  const deciders = startRole('deciders', new URL('deciders.ts', import.meta.url));
  undo.push(deciders.quit);
  await deciders.ask('begin', z.unknown(), { body: scene.links, withinMs: startMs });
  const work = await openWork(scene.links);
  undo.push(work.close);
  return { ...started, work };
}
