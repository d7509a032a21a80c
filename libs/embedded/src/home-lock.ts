/**
 * One Waybill per home. The lock is a file that names its holder; it appears complete or not at all,
 * and a lock whose holder is dead is taken over, so a kill -9 needs no cleaning up by hand.
 */
import { createHash, randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EmbeddedError } from './embedded-error.ts';
import { errorCode } from './folder.ts';
import { birthOf, isAlive } from './process-table.ts';
import { until } from './wait.ts';

export type HomeLock = Readonly<{ release(): Promise<void> }>;

const takeoverWithinMs = 10_000;

export async function lockHome(home: string): Promise<HomeLock> {
  const file = lockFile(home);
  const mine = `${process.pid} ${birthOf(process.pid) ?? ''} ${randomUUID()}`;
  const holder = await take(file, mine);
  if (holder === undefined) return { release: () => release(file, mine) };
  throw new EmbeddedError(
    'home-in-use',
    `${home} is in use by another Waybill, process ${holder}. Stop that one, or give this one a home of its own with WAYBILL_HOME.`,
  );
}

/** The home is locked and its holder is gone. */
export async function isAbandoned(home: string): Promise<boolean> {
  const held = await read(lockFile(home));
  return held !== undefined && livingHolder(held) === undefined;
}

const lockFile = (home: string): string => join(home, 'waybill.lock');

/** Undefined: the lock is ours. Otherwise the living process that has it. */
async function take(file: string, mine: string): Promise<number | undefined> {
  const outcome = await until({ withinMs: takeoverWithinMs }, async () => {
    if (await place(file, mine)) return { holder: undefined };
    const held = await read(file);
    if (held === undefined) return undefined; // released in this moment
    const holder = livingHolder(held);
    if (holder !== undefined) return { holder };
    return (await takeOver(file, held, mine)) ? { holder: undefined } : undefined;
  });
  if (outcome === undefined) throw new Error(`${file} cannot be taken over from a dead process`);
  return outcome.holder;
}

/**
 * Between a look at a stale lock and its removal somebody else may have put a living one there. So who
 * replaces it holds a second lock, named for the stale one's content, and looks again under that.
 */
async function takeOver(file: string, stale: string, mine: string): Promise<boolean> {
  const guard = `${file}.${createHash('sha256').update(stale).digest('hex').slice(0, 8)}`;
  if ((await take(guard, mine)) !== undefined) return false;
  try {
    if ((await read(file)) !== stale) return false;
    const fresh = `${file}.${randomUUID()}`;
    await writeFile(fresh, mine, { mode: 0o600, flag: 'wx' });
    await rename(fresh, file);
    return true;
  } finally {
    await release(guard, mine);
  }
}

/** A link makes the file appear complete or not at all. */
async function place(file: string, text: string): Promise<boolean> {
  const fresh = `${file}.${randomUUID()}`;
  await writeFile(fresh, text, { mode: 0o600, flag: 'wx' });
  try {
    await link(fresh, file);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(fresh, { force: true });
  }
}

async function read(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function release(file: string, mine: string): Promise<void> {
  if ((await read(file)) === mine) await rm(file, { force: true });
}

function livingHolder(text: string): number | undefined {
  const [pid, birth] = text.split(' ');
  const holder = Number(pid);
  if (!Number.isInteger(holder) || holder <= 0 || !isAlive(holder)) return undefined;
  const now = birthOf(holder);
  return birth === undefined || birth === '' || now === undefined || now === birth
    ? holder
    : undefined;
}
