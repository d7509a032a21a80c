/**
 * Runs a program with the pinned Node in our place: same terminal, same signals, same exit code.
 */
import { spawn, spawnSync } from 'node:child_process';
import { constants } from 'node:os';
import path from 'node:path';

/** A group signal and npm's own forwarding of it arrive within milliseconds: they are one. */
const REPEAT_MS = 500;

export function nodeBinary(root) {
  const name = process.platform === 'win32' ? 'node.exe' : 'node';
  return path.join(root, 'node_modules', 'node', 'bin', name);
}

export function hasGit() {
  return spawnSync('git', ['--version'], { stdio: 'ignore' }).status === 0;
}

/** The exit code that a shell would report for this end of a process. */
export function exitCodeOf(code, signal) {
  return signal === null ? (code ?? 1) : 128 + (constants.signals[signal] ?? 0);
}

export function handOver(root, args, { binary = nodeBinary(root), terminal } = {}) {
  const bins = path.join(root, 'node_modules', '.bin');
  const env = { ...process.env, PATH: [bins, process.env.PATH ?? ''].join(path.delimiter) };
  return runForwarding(binary, args, { cwd: root, env, stdio: 'inherit' }, { terminal });
}

/** Spawns, passes on signals, waits for the end. The child is never left behind by an exit. */
export function runForwarding(command, args, options, { terminal, onSpawn, onSignal } = {}) {
  const atTerminal = terminal ?? process.stdin.isTTY;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, options);
    const stopForwarding = forwardSignals(child, atTerminal, onSignal);
    onSpawn?.(child);
    child.on('error', (error) => {
      stopForwarding();
      reject(error);
    });
    child.on('close', (code, signal) => {
      stopForwarding();
      resolve(exitCodeOf(code, signal));
    });
  });
}

function forwardSignals(child, atTerminal, onSignal) {
  const handlers = ['SIGINT', 'SIGTERM', 'SIGHUP'].map((signal) => {
    let lastMs = Number.NEGATIVE_INFINITY;
    const handler = () => {
      onSignal?.(signal);
      // Ctrl-C reaches the child from the terminal itself; a second one would mean "at once".
      if (signal === 'SIGINT' && atTerminal) return;
      const nowMs = performance.now();
      if (nowMs - lastMs < REPEAT_MS) return;
      lastMs = nowMs;
      child.kill(signal);
    };
    process.on(signal, handler);
    return [signal, handler];
  });
  return () => {
    for (const [signal, handler] of handlers) process.off(signal, handler);
  };
}
