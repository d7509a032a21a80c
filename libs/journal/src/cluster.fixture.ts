/** For the contract suite: three real servers that form a cluster, each of which can be killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { natsServerBinary } from './journal.fixture.ts';

export type Cluster = Readonly<{
  url: string;
  /** By the server's name, as the leader of a stream is reported. */
  kill(name: string): Promise<void>;
  stop(): Promise<void>;
}>;

export async function startCluster(): Promise<Cluster> {
  const dir = await mkdtemp(join(tmpdir(), 'waybill-cluster-'));
  const binary = await natsServerBinary();
  const ports = await freePorts(6);
  const routes = ports.slice(3).map((port) => `nats://127.0.0.1:${port}`);
  const servers = new Map<string, ChildProcess>();
  for (const [index, name] of ['n1', 'n2', 'n3'].entries()) {
    const file = join(dir, `${name}.conf`);
    await writeFile(
      file,
      `server_name: ${name}
listen: "127.0.0.1:${ports[index]}"
cluster { name: spec, listen: "127.0.0.1:${ports[index + 3]}", routes: ${JSON.stringify(routes)} }
jetstream { store_dir: ${JSON.stringify(join(dir, name))} }
authorization { users: [
  { user: operator, password: operator }
  { user: limited, password: limited, permissions: { publish: { deny: "wb.v1.run.*.forbidden.>" } } }
] }
`,
    );
    servers.set(
      name,
      spawn(binary, ['-c', file, '-l', join(dir, `${name}.log`)], { stdio: 'ignore' }),
    );
  }
  const kill = async (name: string): Promise<void> => {
    const server = servers.get(name);
    if (server === undefined) throw new Error(`no server ${name}`);
    servers.delete(name);
    const exited = once(server, 'exit');
    server.kill('SIGKILL');
    await exited;
  };
  return {
    url: ports
      .slice(0, 3)
      .map((port) => `127.0.0.1:${port}`)
      .join(','),
    kill,
    stop: async () => {
      await Promise.all([...servers.keys()].map(kill));
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Below the ephemeral range, where a client's own port could take them before the server does. */
async function freePorts(count: number): Promise<readonly number[]> {
  const found: number[] = [];
  while (found.length < count) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    const probe = createServer();
    const free = await new Promise<boolean>((resolve) => {
      probe.once('error', () => resolve(false));
      probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
    });
    if (free && !found.includes(port)) found.push(port);
  }
  return found;
}
