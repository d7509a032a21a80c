/**
 * Lets one install at a time run in a clone. The lock is a folder with one entry named for its
 * owner; it lies outside `node_modules`, which an install empties. A lock is stale when its process
 * is gone or when its entry was not touched for a minute, and every step of a takeover fails when
 * somebody else was faster.
 */
import {
  mkdirSync,
  readdirSync,
  rmdirSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';

const UNTOUCHED_MS_MAX = 60_000;
const EMPTY_MS_MAX = 5_000;
const LOOK_EVERY_MS = 500;

const host = hostname().replaceAll(/[^A-Za-z0-9-]/g, '-');

export async function acquireLock(folder, { pid = process.pid, onWait = () => {} } = {}) {
  const mine = path.join(folder, `${host}.${pid}`);
  for (let round = 0; ; round += 1) {
    if (take(folder, mine)) break;
    if (breakStale(folder)) continue;
    onWait(round);
    await new Promise((resolve) => {
      setTimeout(resolve, LOOK_EVERY_MS);
    });
  }
  return {
    touch: () => attempt(() => utimesSync(mine, new Date(), new Date())),
    release: () => attempt(() => unlinkSync(mine)) && attempt(() => rmdirSync(folder)),
  };
}

function take(folder, mine) {
  if (!attempt(() => mkdirSync(folder))) return false;
  if (!attempt(() => writeFileSync(mine, ''))) return false;
  // Two entries: our folder was taken for an abandoned one while we were suspended.
  if (readdirSync(folder).length === 1) return true;
  attempt(() => unlinkSync(mine));
  return false;
}

/** True when the way may be free now. */
function breakStale(folder) {
  let owners;
  try {
    owners = readdirSync(folder);
  } catch {
    return true;
  }
  const owner = owners[0];
  if (owner === undefined) {
    return ageMs(folder) > EMPTY_MS_MAX && attempt(() => rmdirSync(folder));
  }
  const entry = path.join(folder, owner);
  const [ownerHost, pid] = owner.split('.');
  const gone = ownerHost === host && !isAlive(Number(pid));
  if (!gone && ageMs(entry) <= UNTOUCHED_MS_MAX) return false;
  return attempt(() => unlinkSync(entry)) && attempt(() => rmdirSync(folder));
}

function ageMs(file) {
  const stat = statSync(file, { throwIfNoEntry: false });
  return stat === undefined ? 0 : Date.now() - stat.mtimeMs;
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** A step that somebody else may have taken first. Anything but that is an error. */
function attempt(step) {
  try {
    step();
    return true;
  } catch (error) {
    if (['EEXIST', 'ENOENT', 'ENOTEMPTY'].includes(error.code)) return false;
    throw error;
  }
}
