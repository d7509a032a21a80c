/** The door of the embedded store of objects for tests, as the api has it: whoever comes with a signed URL puts or gets bytes. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Journal } from '@waybill/journal';
import { isRefused, openObjectDoor, urlSigner } from '@waybill/objects';
import { type KeyRing, systemClock } from '@waybill/process';

export type ObjectStore = Readonly<{ url: string; stop(): Promise<void> }>;

export async function openObjectStore(
  o: Readonly<{ org: string; journal: Journal; ring: KeyRing }>,
): Promise<ObjectStore> {
  const { org, journal, ring } = o;
  const door = openObjectDoor({
    org,
    blobs: journal.blobs,
    tickets: journal.table('KV_WB_TICKETS'),
    signer: urlSigner(ring),
    clock: systemClock,
  });
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const token = (request.url ?? '').slice('/v1/objects/'.length);
    const method = request.method === 'PUT' ? 'PUT' : 'GET';
    const pass = door.open(token, method);
    const refuse = (why: string): void => void response.writeHead(403).end(why);
    if (isRefused(pass)) return refuse(pass.refusal);
    if (method === 'PUT') {
      const taken = await door.take(pass, request);
      return isRefused(taken) ? refuse(taken.refusal) : void response.writeHead(200).end();
    }
    const given = await door.give(pass);
    if (isRefused(given)) return refuse(given.refusal);
    response.writeHead(200);
    for await (const chunk of given.body) response.write(chunk);
    response.end();
  };
  const server = createServer((request, response) => void serve(request, response));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo; // a server that listens on a port has one
  return {
    url: `http://127.0.0.1:${port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
