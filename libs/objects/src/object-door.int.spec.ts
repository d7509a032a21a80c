import { randomBytes } from 'node:crypto';
import { createKeyRing, type ManualClock, manualClock } from '@waybill/process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestLog, type TestLog } from '../../../tests/support/log.ts';
import { isRefused, type ObjectDoor, openObjectDoor, type Pass } from './object-door.ts';
import { type Claims, type UrlSigner, urlSigner } from './url-token.ts';

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  yield bytes;
}

describe('the door of objects', () => {
  let log: TestLog;
  let clock: ManualClock;
  let signer: UrlSigner;
  let doors: readonly [ObjectDoor, ObjectDoor];
  beforeAll(async () => {
    log = await startTestLog();
    clock = manualClock(1_000_000);
    signer = urlSigner(await createKeyRing());
    const door = (): ObjectDoor =>
      openObjectDoor({
        org: 'main',
        blobs: log.journal.blobs,
        tickets: log.journal.table('KV_WB_TICKETS'),
        signer,
        clock,
      });
    doors = [door(), door()];
  });
  afterAll(() => log?.stop());

  let count = 0;
  const claims = (change: Partial<Claims> = {}): Claims => ({
    m: 'PUT',
    k: `uploads/main/spec/${++count}`,
    o: 'main',
    x: clock.now() + 1_000,
    n: randomBytes(16).toString('base64url'),
    b: 100,
    ...change,
  });
  const opened = (signed: Claims, method: 'PUT' | 'GET' | 'HEAD' = signed.m): Pass => {
    const pass = doors[0].open(signer.sign(signed), method);
    if (isRefused(pass)) throw new Error(`refused: ${pass.refusal}`);
    return pass;
  };

  it('opens until the URL expires, and not a millisecond longer', async () => {
    const at = claims({ x: clock.now() });
    expect(doors[0].open(signer.sign(at), 'PUT')).toHaveProperty('claims');
    await clock.advance(1);
    expect(doors[0].open(signer.sign(at), 'PUT')).toEqual({ refusal: 'expired' });
  });

  it('opens for its own organisation and method alone', () => {
    const tried = [
      doors[0].open(signer.sign(claims({ o: 'other' })), 'PUT'),
      doors[0].open(signer.sign(claims()), 'GET'),
      doors[0].open(signer.sign(claims()), 'HEAD'),
      doors[0].open(signer.sign(claims({ m: 'GET' })), 'PUT'),
    ];
    expect(tried).toEqual(tried.map(() => ({ refusal: 'forged' })));
    expect(doors[0].open(signer.sign(claims({ m: 'GET' })), 'HEAD')).toHaveProperty('claims');
  });

  it('lets one of many in, whichever process they come to', async () => {
    const signed = claims();
    const taken = await Promise.all(
      Array.from({ length: 10 }, (_, n) =>
        doors[n % 2 === 0 ? 0 : 1].take(opened(signed, 'PUT'), one(Buffer.from(`by ${n}`))),
      ),
    );
    const won = taken.filter((each) => !isRefused(each));
    expect(won).toHaveLength(1);
    expect(taken.filter(isRefused)).toEqual(Array.from({ length: 9 }, () => ({ refusal: 'used' })));
    const get = claims({ m: 'GET', k: signed.k });
    const given = await Promise.all(
      Array.from({ length: 10 }, (_, n) => doors[n % 2 === 0 ? 0 : 1].give(opened(get))),
    );
    expect(given.filter((each) => !isRefused(each))).toHaveLength(1);
  });

  it('never writes over bytes that lie there, though the ticket was lost', async () => {
    const signed = claims();
    await doors[0].take(opened(signed), one(Buffer.from('first')));
    const another = claims({ k: signed.k });
    expect(await doors[0].take(opened(another), one(Buffer.from('second')))).toEqual({
      refusal: 'used',
    });
    expect(await log.journal.blobs.stat(signed.k)).toMatchObject({ sizeBytes: 5 });
  });

  it('takes what the URL permits and not one byte more', async () => {
    const at = claims({ b: 10 });
    expect(await doors[0].take(opened(at), one(randomBytes(10)))).toMatchObject({ sizeBytes: 10 });
    const past = claims({ b: 10 });
    expect(await doors[0].take(opened(past), one(randomBytes(11)))).toEqual({
      refusal: 'too-big',
    });
    expect(await log.journal.blobs.stat(past.k)).toBeUndefined();
    const without = claims();
    const { b: _, ...rest } = without;
    expect(await doors[0].take(opened(rest), one(randomBytes(1)))).toEqual({ refusal: 'too-big' });
  });

  it('looks without using up, and says what is gone', async () => {
    const signed = claims();
    await doors[0].take(opened(signed), one(Buffer.from('bytes')));
    const get = claims({ m: 'GET', k: signed.k, f: 'a.txt', t: 'text/plain' });
    for (let looks = 0; looks < 2; looks++)
      expect(await doors[0].look(opened(get, 'HEAD'))).toMatchObject({
        sizeBytes: 5,
        filename: 'a.txt',
        mediaType: 'text/plain',
      });
    expect(await doors[0].give(opened(get))).toHaveProperty('body');
    expect(await doors[0].look(opened(get, 'HEAD'))).toEqual({ refusal: 'used' });
    const gone = claims({ m: 'GET' });
    expect(await doors[0].give(opened(gone))).toEqual({ refusal: 'gone' });
    expect(await doors[0].look(opened(gone, 'HEAD'))).toEqual({ refusal: 'gone' });
  });
});
