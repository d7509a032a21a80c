/**
 * Loopback ports for servers that keep theirs across restarts. They lie outside the ephemeral range:
 * inside it any outgoing connection of the machine may be sitting on the port when a server comes back.
 */
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';

type Range = readonly [low: number, high: number];

const attemptsMax = 200;

/** The preferred port when it is free, else a random free one. */
export async function freePort(preferred?: number): Promise<number> {
  if (preferred !== undefined && (await isFree(preferred))) return preferred;
  const [low, high] = serverRange(ephemeralRange());
  for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
    const port = randomInt(low, high + 1);
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port on 127.0.0.1 between ${low} and ${high}`);
}

export function serverRange([low, high]: Range): Range {
  const choices: readonly Range[] = [
    [20_000, Math.min(32_000, low - 1)],
    [Math.max(10_000, high + 1), 65_000],
    [1_024, low - 1],
  ];
  // Where everything is ephemeral there is nothing to avoid.
  return choices.find(([from, to]) => to - from >= 1_000) ?? [20_000, 32_000];
}

export function ephemeralRange(): Range {
  try {
    const text = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8');
    const [low, high] = text.trim().split(/\s+/).map(Number);
    if (low !== undefined && high !== undefined) return [low, high];
  } catch {
    // Not Linux: macOS and Windows use what IANA says.
  }
  return [49_152, 65_535];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      server.close(() => resolve(true));
    });
  });
}
