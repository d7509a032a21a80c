import { randomBytes } from 'node:crypto';
import { createKeyRing, type ManualClock, manualClock } from '@waybill/process';
import { eventually } from '@waybill/process/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestLog } from '../../../tests/support/log.ts';
import type { ObjectName, Objects } from './object.ts';
import { openObjects } from './objects.ts';
import { s3Client } from './s3-client.ts';
import { type S3Double, startS3Double } from './s3-double.fixture.ts';
import { s3Store } from './s3-store.ts';

const startMs = Date.UTC(2026, 0, 31);

describe('a presigned URL of S3', () => {
  let double: S3Double;
  let clock: ManualClock;
  beforeAll(async () => {
    clock = manualClock(startMs);
    double = await startS3Double(clock.now);
  });
  afterAll(() => double?.stop());

  const put = (url: string): Promise<Response> => fetch(url, { method: 'PUT', body: 'bytes' });
  const uploadUrl = (forMs: number): Promise<string> =>
    s3Store(s3Client(double.settings, clock)).uploadUrl('uploads/main/a', {
      org: 'main',
      expiresAt: clock.now() + forMs,
      bytesMax: 10,
    });
  const downloadUrl = (filename: string): Promise<string> =>
    s3Store(s3Client(double.settings, clock)).downloadUrl('uploads/main/a', {
      org: 'main',
      expiresAt: clock.now() + 60_000,
      filename,
      mediaType: 'text/plain; charset=utf-8',
    });

  it('writes and reads what it names, with its method, and until it expires', async () => {
    const url = await uploadUrl(60_000);
    expect((await put(url)).status).toBe(200);
    expect((await fetch(url)).status).toBe(403);
    expect((await fetch(url, { method: 'DELETE' })).status).toBe(403);
    const download = await fetch(await downloadUrl('it’s (1) + 2 & so on.txt'));
    expect(await download.text()).toBe('bytes');
    expect(download.headers.get('content-type')).toBe('text/plain;charset=utf-8');
    expect(download.headers.get('content-disposition')).toBe(
      "attachment;filename*=UTF-8''it%E2%80%99s%20%281%29%20%2B%202%20%26%20so%20on.txt",
    );
    await clock.advance(60_000);
    expect((await put(url)).status).toBe(200);
    await clock.advance(1_001);
    expect((await put(url)).status).toBe(403);
  });

  it('is refused with anything in it changed', async () => {
    const url = await uploadUrl(60_000);
    for (const changed of [
      url.replace('uploads/main/a', 'uploads/main/b'),
      url.replace('X-Amz-Expires=60', 'X-Amz-Expires=6000'),
      url.replace(/X-Amz-Signature=./, (text) =>
        text.endsWith('0') ? `${text.slice(0, -1)}1` : `${text.slice(0, -1)}0`,
      ),
      url.replace(/&X-Amz-Signature=[0-9a-f]+/, ''),
      `${url}&partNumber=1&uploadId=x`,
    ]) {
      expect(changed).not.toBe(url);
      expect((await put(changed)).status).toBe(403);
    }
    const settings = { ...double.settings, secretAccessKey: 'another' };
    const stranger = s3Store(s3Client(settings, clock));
    await expect(stranger.stat('uploads/main/a')).rejects.toMatchObject({ code: 's3-refused' });
    await expect(stranger.write('x', nothing())).rejects.toThrow('SignatureDoesNotMatch');
  });

  it('is in no message of an error, and neither is a key', async () => {
    const away = { ...double.settings, endpoint: 'http://127.0.0.1:9' };
    const store = s3Store(s3Client(away, manualAdvancing()));
    const error: unknown = await store.stat('uploads/main/secret-path').catch((e: unknown) => e);
    expect(error).toMatchObject({ name: 'Outage', code: 's3-unavailable' });
    expect(String(error)).not.toMatch(/127\.0\.0\.1|secret-path|AKID/);
  });
});

it('bytes of S3 that stop coming are an outage for whoever waits for them', async () => {
  const clock = manualClock(startMs);
  const double = await startS3Double(clock.now);
  try {
    const store = s3Store(s3Client(double.settings, clock));
    await store.write('objects/main/a', once(randomBytes(100_000)));
    double.stallAfter(50_000);
    const body = (await store.read('objects/main/a')) ?? nothing();
    let came = 0;
    const reading = (async (): Promise<void> => {
      for await (const chunk of body) came += chunk.length;
    })();
    const end = reading.catch((error: unknown) => error);
    await eventually(() => came === 50_000 && clock.pending() === 1, { what: 'a reader waiting' });
    await clock.advance(60_000);
    expect(await end).toMatchObject({ name: 'Outage', code: 's3-unavailable' });
    expect(clock.pending()).toBe(0);
  } finally {
    await double.stop();
  }
});

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  yield bytes;
}

async function* nothing(): AsyncGenerator<Uint8Array> {
  // A body of no bytes.
}

/** A clock on which every wait is over at once. */
function manualAdvancing(): ManualClock {
  const clock = manualClock(startMs);
  return {
    ...clock,
    sleep: async (ms) => {
      await clock.advance(Math.max(ms, 1_000));
    },
  };
}

describe('objects while S3 comes and goes', () => {
  const name = (n: number): ObjectName => ({ org: 'main', kind: 'log', scope: '', name: `${n}` });
  async function* bytes(size: number): AsyncGenerator<Uint8Array> {
    await Promise.resolve();
    yield randomBytes(size);
  }

  it('stay readable where they lie; those of a storage that is not set up are not there', async () => {
    const [log, double, ring] = [
      await startTestLog(),
      await startS3Double(),
      await createKeyRing(),
    ];
    const opened: Objects[] = [];
    const open = async (s3: S3Double['settings'] | undefined): Promise<Objects> => {
      const publicUrl = 'http://localhost:1';
      const { journal, host } = log;
      const objects = await openObjects({ journal, ring, publicUrl, settings: { s3 }, ...host });
      opened.push(objects);
      return objects;
    };
    try {
      const embedded = await open(undefined);
      const inNats = await embedded.write(name(1), bytes(10));
      const withS3 = await open(double.settings);
      const inS3 = await withS3.write(name(2), bytes(10));
      expect([inNats.key.slice(0, 5), inS3.key.slice(0, 3)]).toEqual(['nats:', 's3:']);
      expect(await withS3.find(name(1))).toEqual(inNats);
      for await (const chunk of await withS3.read(inNats)) expect(chunk).toHaveLength(10);
      expect(await embedded.find(name(2))).toBeUndefined();
      expect((await embedded.newest({ org: 'main', kind: 'log', scope: '' }, ''))?.name).toBe('1');
      await expect(embedded.downloadUrl(inS3)).rejects.toMatchObject({ code: 'object-gone' });
    } finally {
      for (const each of opened) await each.close();
      await Promise.all([log.stop(), double.stop()]);
    }
  });

  it('are refused as unavailable while S3 is away, and committed once it is back', async () => {
    const [log, double, ring] = [
      await startTestLog(),
      await startS3Double(),
      await createKeyRing(),
    ];
    const settings = { s3: double.settings };
    const publicUrl = 'http://localhost:1';
    let sleptMs = 0;
    const { clock: real } = log.host;
    /** Whoever waits on it finds the time passed, so that retries are over at once. */
    const clock = {
      ...real,
      monotonicMs: () => real.monotonicMs() + sleptMs,
      sleep: async (ms: number) => {
        sleptMs += Math.max(ms, 1_000);
        await real.sleep(1);
      },
    };
    const objects = await openObjects({
      journal: log.journal,
      ring,
      publicUrl,
      settings,
      clock,
      log: { ...log.host.log, warn: () => undefined },
    });
    try {
      const upload = await objects.beginUpload(name(1), null);
      const url = 'url' in upload ? upload.url : '';
      expect((await fetch(url, { method: 'PUT', body: 'bytes' })).status).toBe(200);
      double.breakWith(503);
      const committing = objects.commit(name(1), null, {});
      expect(await committing).toEqual({ refusal: 'unavailable' });
      double.breakWith(undefined);
      expect(await objects.commit(name(1), null, {})).toMatchObject({ sizeBytes: 5 });
      expect(double.openUploads()).toBe(0);
    } finally {
      await objects.close();
      await Promise.all([log.stop(), double.stop()]);
    }
  });
});
