import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { suite } from './hpke.ts';
import { createKeyRing, dropRingKey, rotateKeyRing, sealingRing } from './key-ring.ts';
import { openRunOutput, runPublicKey, sealRunOutput } from './run-output.ts';

const run = { org: 'main', runId: 'r' };
const place = { runId: 'r', jobId: 'r-0', name: 'TOKEN' };

it('the key of a run is the one that the suite derives from its seed', async () => {
  const ring = await createKeyRing();
  const { privateKey } = ring.keys.get(ring.current) ?? {};
  if (privateKey === undefined) throw new Error('no key');
  const seed = createHmac('sha256', Buffer.from(await suite.kem.serializePrivateKey(privateKey)))
    .update(JSON.stringify(['waybill run key v1', 'main', 'r']))
    .digest();
  const { publicKey } = await suite.kem.deriveKeyPair(new Uint8Array(seed).buffer);
  const expected = Buffer.from(await suite.kem.serializePublicKey(publicKey)).toString('base64');
  expect(await runPublicKey(ring, run)).toBe(expected);
});

describe('a secret output', () => {
  it('opens for the run, the job and the name that it was sealed for, and nowhere else', async () => {
    const ring = await createKeyRing();
    const sealed = await sealRunOutput(await runPublicKey(ring, run), place, 'grüße');
    expect(JSON.stringify(sealed)).not.toContain('grüße');
    expect(await openRunOutput(ring, { ...run, ...place }, sealed)).toBe('grüße');
    for (const other of [{ org: 'else' }, { runId: 'q' }, { jobId: 'r-1' }, { name: 'OTHER' }])
      await expect(openRunOutput(ring, { ...run, ...place, ...other }, sealed)).rejects.toThrow(
        'no key of the ring',
      );
  });

  it('opens after the ring has rotated, and no more once its key is dropped', async () => {
    const before = await createKeyRing();
    const publicKey = await runPublicKey(before, run);
    const sealed = await sealRunOutput(publicKey, place, 'x');
    const after = await rotateKeyRing(before);
    expect(await runPublicKey(after, run)).not.toBe(publicKey);
    expect(await openRunOutput(after, { ...run, ...place }, sealed)).toBe('x');
    const dropped = dropRingKey(after, before.current);
    await expect(openRunOutput(dropped, { ...run, ...place }, sealed)).rejects.toThrow();
  });

  it('has the same key whoever asks, another in every run, and none from a ring that only seals', async () => {
    const ring = await createKeyRing();
    const key = await runPublicKey(ring, run);
    expect(await runPublicKey(ring, run)).toBe(key);
    expect(await runPublicKey(ring, { ...run, runId: 's' })).not.toBe(key);
    await expect(runPublicKey(sealingRing(ring), run)).rejects.toThrow('no current key');
  });
});
