/**
 * Installs what is missing or stale, once however many ask at the same time, and shows that it is
 * at work. Works with npm 10, 11 and 12: where npm did not run the install scripts that the root
 * package.json approves, they are run from here.
 */
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { exitCodeOf, nodeBinary, runForwarding } from './handover.mjs';
import { acquireLock } from './install-lock.mjs';
import { startProgress } from './progress.mjs';
import {
  abandonInstall,
  beginInstall,
  finishInstall,
  staleness,
  unfinishedScripts,
  workspaceFolders,
} from './stamp.mjs';

const UNAVAILABLE = 69;
/** npm says the cause first and the details last. */
const HEAD_LINES = 8;
const TAIL_LINES = 16;

/**
 * `install`, not `ci`: the lockfile decides either way, but `ci` also insists on an entry for every
 * platform's optional package, which a registry without all of them can never give. Development
 * packages are what runs here, so NODE_ENV=production must not leave them out.
 */
const INSTALL = [
  'install',
  '--no-save',
  '--include=dev',
  '--no-audit',
  '--no-fund',
  '--loglevel=error',
];

/** What npm's error codes mean to the person who reads them. The first match is told. */
const ADVICE = [
  [/\bENOSPC\b/, 'the disk is full: free about 1 GB, then try again.'],
  [
    /\b(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ERR_SOCKET_TIMEOUT|FETCH_ERROR)\b/,
    'the package registry could not be reached: check the network, or tell npm about your proxy ' +
      '(npm config set proxy and https-proxy) or your mirror (npm config set registry), then try again.',
  ],
  [
    /\b(?:CERT_|SELF_SIGNED|UNABLE_TO_(?:GET|VERIFY))/,
    "the registry's certificate was not accepted: give npm your company's authority " +
      '(npm config set cafile), then try again.',
  ],
  [
    /\b(?:E401|E403|E407)\b/,
    'the package registry or a proxy refused the request: check npm login and the proxy settings.',
  ],
  [
    /\b(?:E404|ETARGET)\b/,
    'the registry in use does not have a package of the lockfile: use a complete one.',
  ],
  [/\b(?:EACCES|EPERM|EROFS)\b/, 'a folder cannot be written: check who owns the clone.'],
  [
    /\bERESOLVE\b/,
    'package-lock.json does not fit the package.json files: repair it, then try again.',
  ],
];

export async function ensureInstalled(root, { env = process.env, out = process.stderr } = {}) {
  if (isComplete(root)) return { ok: true };
  const say = (line) => out.write(`waybill: ${line}\n`);
  const lock = await acquireLock(path.join(root, '.install-lock'), {
    // About every ten seconds.
    onWait: (round) => round % 20 === 0 && say('waiting for another install in this clone …'),
  });
  try {
    // The one we waited for may have done it all.
    if (isComplete(root)) return { ok: true };
    return await install({ root, env, out, say, touch: lock.touch });
  } finally {
    lock.release();
  }
}

function isComplete(root) {
  return (
    staleness(root) === null && unfinishedScripts(root).length === 0 && existsSync(nodeBinary(root))
  );
}

async function install({ root, env, out, say, touch }) {
  const reason = staleness(root);
  const npm = npmCommand(root, env);
  if (reason !== null || !existsSync(path.join(root, 'node_modules', 'node', 'package.json'))) {
    say(`installing packages (${reason ?? 'Node is missing'}); a first time takes a minute or two`);
    beginInstall(root);
    const label = 'installing packages';
    const result = await show(label, { out, touch, root, env }, [...npm, ...INSTALL]);
    if (result.exitCode !== 0) {
      // npm rolls back what failed; only what was stopped midway has to be thrown away.
      if (result.exitCode <= 128) abandonInstall(root);
      return failure('npm install', result);
    }
  }
  for (const { name, script } of unfinishedScripts(root)) {
    const folder = path.join(root, 'node_modules', ...name.split('/'));
    const command = [outsideNode(root, env), path.join(folder, script)];
    const result = await show(`finishing ${name}`, { out, touch, root: folder, env }, command);
    if (result.exitCode !== 0) return failure(`the install script of ${name}`, result);
  }
  if (!existsSync(nodeBinary(root)) || unfinishedScripts(root).length > 0) {
    return failure('the install', { exitCode: 1, lines: ['It ended without leaving a Node.'] });
  }
  finishInstall(root);
  say(`installed ${workspaceFolders(root).length} workspaces and their packages`);
  return { ok: true };
}

/** Runs one step quietly, with its progress, and keeps the end of what it printed. */
async function show(label, { out, touch, root, env }, [command, ...args]) {
  const progress = startProgress(label, { out, onTick: touch });
  const lines = [];
  const keep = (chunk) => {
    lines.push(
      ...String(chunk)
        .split('\n')
        .filter((line) => line.trim() !== ''),
    );
    lines.splice(HEAD_LINES, Math.max(0, lines.length - HEAD_LINES - TAIL_LINES));
  };
  const onSpawn = (child) => {
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
  };
  const options = { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] };
  let stoppedBy = null;
  const onSignal = (signal) => {
    stoppedBy ??= signal;
  };
  try {
    const exitCode = await runForwarding(command, args, options, { onSpawn, onSignal });
    // npm answers a signal with an exit code of its own.
    return { exitCode: stoppedBy === null ? exitCode : exitCodeOf(null, stoppedBy), lines };
  } catch (error) {
    return { exitCode: 1, lines: [...lines, String(error)] };
  } finally {
    progress.stop();
  }
}

function failure(what, { exitCode, lines }) {
  // Stopped by a person: nothing to explain, the next start begins again.
  if (exitCode > 128) return { ok: false, exitCode, message: `${what} was interrupted.` };
  const text = lines.join('\n');
  const advice =
    ADVICE.find(([pattern]) => pattern.test(text))?.[1] ?? 'read its output above, then try again.';
  const message = `${what} failed: ${advice}`;
  return {
    ok: false,
    exitCode: UNAVAILABLE,
    message: text === '' ? message : `\n${text}\n\nwaybill: ${message}`,
  };
}

/** The npm that runs us, else the one on PATH. */
function npmCommand(root, env) {
  const script = env.npm_execpath;
  if (script !== undefined && /npm-cli\.c?js$/.test(script) && existsSync(script)) {
    return [outsideNode(root, env), script];
  }
  return [process.platform === 'win32' ? 'npm.cmd' : 'npm'];
}

/** A Node that an install does not delete while it runs: `npm run` may have given us the pinned one. */
function outsideNode(root, env) {
  const modules = path.join(root, 'node_modules') + path.sep;
  if (!process.execPath.startsWith(modules)) return process.execPath;
  const name = path.basename(process.execPath);
  const folders = (env.PATH ?? '').split(path.delimiter).filter((folder) => folder !== '');
  const outside = folders.find(
    (folder) => !path.resolve(folder).includes('node_modules') && readable(folder).includes(name),
  );
  return outside === undefined ? process.execPath : path.join(outside, name);
}

function readable(folder) {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
