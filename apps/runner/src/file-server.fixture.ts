/** For the specs: storage at presigned addresses, in memory: what is put there can be fetched. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export type FileServer = Readonly<{
  url: string;
  port: number;
  files: Map<string, Buffer>;
  /** Paths in the order in which they were asked for. */
  asked: readonly string[];
}>;

export async function fileServer(): Promise<FileServer> {
  const files = new Map<string, Buffer>();
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const name = request.url ?? '/';
    asked.push(`${request.method} ${name}`);
    if (request.method === 'PUT') {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        files.set(name, Buffer.concat(chunks));
        response.end();
      });
      return;
    }
    const file = files.get(name);
    if (file === undefined) response.writeHead(404).end();
    else response.end(file);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo; // of a TCP server, which has just been listening
  return { url: `http://127.0.0.1:${port}`, port, files, asked };
}
