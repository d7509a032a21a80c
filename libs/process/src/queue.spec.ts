import { expect, test } from 'vitest';
import { serialQueue } from './queue.ts';

test('a key runs one piece at a time, in order, and keys do not wait for each other', async () => {
  const queue = serialQueue();
  const events: string[] = [];
  const gates = new Map(['a1', 'a2', 'b1'].map((name) => [name, Promise.withResolvers<void>()]));
  const work = (name: string) => async () => {
    events.push(`+${name}`);
    await gates.get(name)?.promise;
    events.push(`-${name}`);
    return name;
  };
  const results = Promise.all([
    queue.run('a', work('a1')),
    queue.run('a', work('a2')),
    queue.run('b', work('b1')),
  ]);
  gates.get('a2')?.resolve();
  gates.get('b1')?.resolve();
  await queue.run('b', async () => undefined);
  expect(events).toEqual(['+a1', '+b1', '-b1']);
  expect([queue.depth('a'), queue.depth('b'), queue.depth()]).toEqual([2, 0, 2]);
  gates.get('a1')?.resolve();
  expect(await results).toEqual(['a1', 'a2', 'b1']);
  expect(events).toEqual(['+a1', '+b1', '-b1', '-a1', '+a2', '-a2']);
  expect(queue.depth()).toBe(0);
});

test('a failure, thrown or rejected, reaches its caller and stops nobody behind it', async () => {
  const queue = serialQueue();
  const rejected = queue.run('a', () => Promise.reject(new Error('no')));
  const thrown = queue.run('a', () => {
    throw new Error('at once');
  });
  const next = queue.run('a', () => Promise.resolve('next'));
  await expect(rejected).rejects.toThrow('no');
  await expect(thrown).rejects.toThrow('at once');
  expect(await next).toBe('next');
});

test('a key that is full refuses with an outage, and takes work again later', async () => {
  const queue = serialQueue({ pendingMax: 2 });
  const gate = Promise.withResolvers<void>();
  const first = queue.run('a', () => gate.promise);
  const second = queue.run('a', async () => undefined);
  await expect(queue.run('a', async () => undefined)).rejects.toMatchObject({ code: 'queue-full' });
  gate.resolve();
  await Promise.all([first, second]);
  expect(await queue.run('a', async () => 'again')).toBe('again');
});

test('idle waits for what is added meanwhile too', async () => {
  const queue = serialQueue();
  const done: number[] = [];
  void queue.run('a', async () => {
    void queue.run('b', async () => void done.push(2));
    done.push(1);
  });
  await queue.idle();
  expect(done.toSorted((a, b) => a - b)).toEqual([1, 2]);
  await queue.idle();
});
