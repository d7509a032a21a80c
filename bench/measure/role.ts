/**
 * One process of a benchmark, asked over IPC. Every question has a bound; a process that ends or
 * fails answers with its own last words. It ends with its parent, also when that is killed.
 */
import { fork } from 'node:child_process';
import { systemClock } from '@waybill/process';
import { z } from 'zod';

export type Role = Readonly<{
  pid: number;
  ask<T>(
    question: string,
    answer: z.ZodType<T>,
    o?: Readonly<{ body?: unknown; withinMs?: number }>,
  ): Promise<T>;
  quit(): Promise<void>;
}>;

type Open = Readonly<{ resolve(answer: unknown): void; reject(error: Error): void }>;

const Reply = z.object({
  id: z.number(),
  answer: z.unknown().optional(),
  error: z.string().optional(),
});

const answerMs = 30_000;
const quitMs = 5_000;
const lastWordsMax = 4_000;

export function startRole(name: string, file: URL): Role {
  const child = fork(file, [], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    execArgv: [],
  });
  const pid = child.pid;
  if (pid === undefined) throw new Error(`${name} could not be started`);
  const open = new Map<number, Open>();
  let asked = 0;
  let lastWords = '';
  const remember = (chunk: Buffer): void => {
    lastWords = `${lastWords}${chunk.toString()}`.slice(-lastWordsMax);
  };
  child.stdout?.on('data', remember);
  child.stderr?.on('data', remember);
  const ended = new Promise<void>((resolve) => {
    // 'close' comes when the streams are read too: nothing of the last words is missing.
    child.once('close', (code, signal) => {
      const error = new Error(`${name} ended (${signal ?? code})\n${lastWords}`);
      for (const { reject } of open.values()) reject(error);
      open.clear();
      resolve();
    });
  });
  child.on('message', (message) => {
    const { id, answer, error } = Reply.parse(message);
    const waiting = open.get(id);
    open.delete(id);
    if (error === undefined) waiting?.resolve(answer);
    else waiting?.reject(new Error(`${name}: ${error}\n${lastWords}`));
  });

  const ask: Role['ask'] = async (question, answer, { body, withinMs = answerMs } = {}) => {
    if (!child.connected) throw new Error(`${name} is not there any more\n${lastWords}`);
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    // It may end while it is being asked, before anybody waits for the answer.
    promise.catch(() => undefined);
    const id = ++asked;
    open.set(id, { resolve, reject });
    const timer = systemClock.after(withinMs, () =>
      reject(new Error(`${name}: no answer to "${question}" within ${withinMs} ms\n${lastWords}`)),
    );
    try {
      child.send({ id, question, body });
      return answer.parse(await promise);
    } finally {
      timer.cancel();
      open.delete(id);
    }
  };

  const quit = async (): Promise<void> => {
    const timer = systemClock.after(quitMs, () => child.kill('SIGKILL'));
    // Not by disconnecting: Node never reports the close of a child that it has disconnected from.
    if (child.connected) child.send({ id: 0, question: 'quit' });
    await ended;
    timer.cancel();
  };

  return { pid, ask, quit };
}
