/** The processes of a scene: servers with sockets, and agents by the thousand in as many processes as there have to be. */
import { z } from 'zod';
import { type Role, startRole } from '../measure/role.ts';
import { type Begin, State } from './fleet-question.ts';

export type Secrets = Readonly<{ agentToken: string; keyRing: string }>;

/** Ends with its scene, the last one that came first. */
export type Undo = (() => Promise<unknown>)[];

export async function undoAll(undo: Undo): Promise<void> {
  for (const each of undo.splice(0).reverse()) await each();
}

export type Fleet = Readonly<{
  count: number;
  state(): Promise<State>;
  ask<T>(question: string, answer: z.ZodType<T>, body?: unknown): Promise<readonly T[]>;
  quit(): Promise<void>;
}>;

/** Of the descriptors and the source ports that one process has. */
const agentsPerProcess = 5_000;
const connectMs = 180_000;

export async function startFleet(
  o: Pick<Begin, 'agentToken' | 'name' | 'count'> & Readonly<{ port: number }> & Partial<Begin>,
): Promise<Fleet> {
  const processes = Math.max(1, Math.ceil(o.count / agentsPerProcess));
  const share = (index: number): number =>
    Math.floor(((index + 1) * o.count) / processes) - Math.floor((index * o.count) / processes);
  const roles: Role[] = Array.from({ length: processes }, (_, index) =>
    startRole(`${o.name} ${index}`, new URL('agents.ts', import.meta.url)),
  );
  const quit = async (): Promise<void> =>
    void (await Promise.all(roles.map((role) => role.quit())));
  try {
    await Promise.all(
      roles.map((role, index) =>
        role.ask('begin', z.unknown(), {
          body: {
            labels: ['bench'],
            maxConcurrency: 1,
            endsAtOnce: false,
            ...o,
            agentsUrl: `ws://127.0.0.1:${o.port}/ws`,
            name: `${o.name}-${index}`,
            count: share(index),
          } satisfies Begin,
          withinMs: connectMs,
        }),
      ),
    );
  } catch (error) {
    await quit();
    throw error;
  }
  const ask: Fleet['ask'] = (question, answer, body) =>
    Promise.all(roles.map((role) => role.ask(question, answer, { body, withinMs: connectMs })));
  return {
    count: o.count,
    ask,
    state: async () => (await ask('state', State)).reduce(together),
    quit,
  };
}

const together = (one: State, other: State): State => ({
  registered: one.registered + other.registered,
  registrations: one.registrations + other.registrations,
  lastRegisteredMs: Math.max(one.lastRegisteredMs, other.lastRegisteredMs),
  running: one.running + other.running,
  dials: one.dials + other.dials,
  refused: one.refused + other.refused,
  closed: Object.fromEntries(
    [...new Set([...Object.keys(one.closed), ...Object.keys(other.closed)])].map((code) => [
      code,
      (one.closed[code] ?? 0) + (other.closed[code] ?? 0),
    ]),
  ),
});
