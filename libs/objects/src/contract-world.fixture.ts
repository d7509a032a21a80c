/** Worlds for the contract of objects: the embedded store behind its door over real HTTP, and S3. The log is a real one. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import type { Blobs, Table, TableName } from '@waybill/journal';
import { createKeyRing, type KeyRing } from '@waybill/process';
import { startTestLog, type TestLog } from '../../../tests/support/log.ts';
import type { ObjectLimits } from './limits.ts';
import type { Objects } from './object.ts';
import { isRefused, openObjectDoor } from './object-door.ts';
import { openObjects } from './objects.ts';
import { s3Client } from './s3-client.ts';
import { startS3Double } from './s3-double.fixture.ts';
import type { S3Settings } from './settings.ts';
import { urlSigner } from './url-token.ts';

export type ContractWorld = Readonly<{
  /** As another process of the same installation has them. */
  open(limits?: Partial<ObjectLimits>, around?: (table: Table) => Table): Promise<Objects>;
  /** How many pieces of bytes of the organisation lie there, wanted or not. */
  stored(org: string): Promise<number>;
  stop(): Promise<void>;
}>;

type Wanted = Readonly<{
  log: TestLog;
  ring: KeyRing;
  blobs: Blobs;
  publicUrl: string;
  s3: S3Settings | undefined;
  stored: ContractWorld['stored'];
  stop: () => Promise<void>;
}>;

function worldOf({ log, ring, blobs, publicUrl, s3, stored, stop }: Wanted): ContractWorld {
  const opened = new Set<Objects>();
  return {
    open: async (limits = {}, around = (table) => table) => {
      const table = (name: TableName): Table => around(log.journal.table(name));
      const journal = { blobs, table };
      const settings = { s3, limits };
      const objects = await openObjects({ journal, ring, publicUrl, settings, ...log.host });
      opened.add(objects);
      return objects;
    },
    stored,
    stop: async () => {
      await Promise.all([...opened].map((each) => each.close()));
      await stop();
      await log.stop();
    },
  };
}

export async function natsWorld(): Promise<ContractWorld> {
  const log = await startTestLog();
  const ring = await createKeyRing();
  const put = new Set<string>();
  const blobs: Blobs = {
    ...log.journal.blobs,
    put: (key, body) => {
      put.add(key);
      return log.journal.blobs.put(key, body);
    },
  };
  const server = createServer((request, response) => {
    serve(log, ring, blobs, { request, response }).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  // A server that listens on a port has this kind of address.
  const { port } = server.address() as AddressInfo;
  return worldOf({
    log,
    ring,
    blobs,
    publicUrl: `http://127.0.0.1:${port}/`,
    s3: undefined,
    stored: async (org) => {
      const keys = [...put].filter((key) => key.split('/')[1] === org);
      const stats = await Promise.all(keys.map((key) => blobs.stat(key)));
      return stats.filter((stat) => stat !== undefined).length;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}

type Exchange = Readonly<{ request: IncomingMessage; response: ServerResponse }>;

/** As the api does it, for every organisation. */
async function serve(
  log: TestLog,
  ring: KeyRing,
  blobs: Blobs,
  { request, response }: Exchange,
): Promise<void> {
  const signer = urlSigner(ring);
  const token = request.url?.slice('/v1/objects/'.length) ?? '';
  const tickets = log.journal.table('KV_WB_TICKETS');
  const org = signer.verify(token)?.o ?? '';
  const door = openObjectDoor({ org, blobs, tickets, signer, clock: log.host.clock });
  const pass = door.open(token, request.method === 'PUT' ? 'PUT' : 'GET');
  const end = (status: number): void => void response.writeHead(status).end();
  if (isRefused(pass)) return end(pass.refusal === 'forged' ? 403 : 410);
  if (request.method === 'PUT') {
    const taken = await door.take(pass, request);
    return end(isRefused(taken) ? (taken.refusal === 'too-big' ? 413 : 409) : 200);
  }
  const given = await door.give(pass);
  if (isRefused(given)) return end(given.refusal === 'gone' ? 410 : 409);
  response.writeHead(200, { 'content-type': given.mediaType ?? 'application/octet-stream' });
  Readable.from(given.body).pipe(response);
}

/** A process that ends before or after its n-th write to the table: nothing that it does from then on is done. */
export function crashing(
  table: Table,
  { at, when }: Readonly<{ at: number; when: 'before' | 'after' }>,
): Table {
  let writes = 0;
  const guard = async <T>(write: () => Promise<T>): Promise<T> => {
    writes += 1;
    if (writes > at || (writes === at && when === 'before')) throw new Error('the process ended');
    const done = await write();
    if (writes === at) throw new Error('the process ended');
    return done;
  };
  return {
    ...table,
    create: (key, value, o) => guard(() => table.create(key, value, o)),
    put: (key, value, o) => guard(() => table.put(key, value, o)),
    delete: (key, o) => guard(() => table.delete(key, o)),
  };
}

export async function s3DoubleWorld(): Promise<ContractWorld> {
  const log = await startTestLog();
  const double = await startS3Double();
  return worldOf({
    log,
    ring: await createKeyRing(),
    blobs: log.journal.blobs,
    publicUrl: 'http://not.used.example',
    s3: double.settings,
    stored: async (org) =>
      [...double.objects.keys()].filter((path) => path.split('/')[3] === org).length,
    stop: double.stop,
  });
}

export async function s3World(s3: S3Settings): Promise<ContractWorld> {
  const log = await startTestLog();
  const client = s3Client(s3, log.host.clock);
  return worldOf({
    log,
    ring: await createKeyRing(),
    blobs: log.journal.blobs,
    publicUrl: 'http://not.used.example',
    s3,
    stored: async (org) => {
      const prefixes = [`uploads/${org}/`, `objects/${org}/`];
      const answers = await Promise.all(
        prefixes.map(async (prefix) => {
          const query = { 'list-type': '2', prefix };
          return (await client.send({ method: 'GET', key: '', query })).text();
        }),
      );
      return answers.join('').split('<Key>').length - 1;
    },
    stop: () => Promise.resolve(),
  });
}
