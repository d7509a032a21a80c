/** What a server stores for jobs: caches and provenance, by URLs that take the bytes and give them back. */
import { createHash } from 'node:crypto';
import { safeError } from '@waybill/process';
import { fail } from '../check.ts';
import { type RecordedFrame, textOf } from '../recorded-frame.ts';
import { ask, type Request } from './request.ts';
import type { Offer, ServerCheck, ServerTrial } from './server-trial.ts';

export const kitBytes = Buffer.from('what the kit stores');
export const kitSha256 = createHash('sha256').update(kitBytes).digest('hex');

export async function put(answer: RecordedFrame): Promise<boolean> {
  const url = textOf(answer, 'uploadUrl');
  if (url === '') return false;
  const response = await fetch(url, { method: 'PUT', body: kitBytes }).catch((error: unknown) =>
    fail(`the upload URL cannot be reached: ${safeError(error).message}`, answer),
  );
  if (!response.ok) fail(`the upload was answered with ${response.status}`, answer);
  return true;
}

const noStorage = 'it has no storage: an empty URL';
const platform = { platform: 'linux', arch: 'x64' };

export const storageChecks: readonly ServerCheck[] = [
  {
    name: 'build-cache',
    claim: '`cache.upload.request` is answered with a URL that takes the bytes, or an empty one.',
    section: 'cache.upload.request, cache.upload.response, cache.upload.complete',
    run: async (trial) => {
      const offer = await trial.running();
      const artefact = { cacheType: 'deps', lockfileHash: kitSha256, ...platform };
      const answer = await ask(offer, 'cache.upload.request', artefact);
      if (!(await put(answer))) return noStorage;
      offer.agent.line.send({
        type: 'cache.upload.complete',
        messageId: 'kit-complete',
        jobId: offer.jobId,
        ...artefact,
        depsHash: kitSha256,
      });
      if (!(await offer.agent.line.pinged(trial.withinMs)))
        fail('the connection ended', offer.agent.line.frames.at(-1));
      return undefined;
    },
  },
  {
    name: 'user-cache',
    claim:
      'A user cache misses, is saved, and is then found by its key and by a prefix, byte for byte.',
    section: 'cache.user.restore.*, cache.user.save.*',
    run: async (trial) => {
      const offer = await trial.running();
      const key = `kit-cache-${offer.jobId}`;
      const miss = await ask(offer, 'cache.user.restore.request', { key });
      if (miss.fields['hit'] !== false) fail('something was found that nobody saved', miss);
      const slot = await ask(offer, 'cache.user.save.request', { key });
      if (slot.fields['skip'] === true || !(await put(slot))) return noStorage;
      offer.agent.line.send({
        type: 'cache.user.save.complete',
        messageId: 'kit-complete',
        jobId: offer.jobId,
        key,
        tarHash: kitSha256,
        sizeBytes: kitBytes.length,
      });
      const hit = await found(trial, offer, {
        key: `${key}-none`,
        restoreKeys: [key.slice(0, -1)],
      });
      if (textOf(hit, 'matchedKey') !== key) fail('another entry was found', hit);
      const response = await fetch(textOf(hit, 'downloadUrl'));
      if (!Buffer.from(await response.arrayBuffer()).equals(kitBytes))
        fail('what was found is not what was saved', hit);
      const again = await ask(offer, 'cache.user.save.request', { key });
      if (again.fields['skip'] !== true)
        fail('a key that exists is to be saved again: keys never change', again);
      return undefined;
    },
  },
  {
    name: 'provenance',
    claim:
      '`provenance.upload.request` is answered with a URL that takes the bundle, or an empty one.',
    section: 'provenance.upload.request, provenance.upload.response, provenance.upload.complete',
    run: async (trial) => {
      const offer = await trial.running();
      const answer = await ask(offer, 'provenance.upload.request', {
        subjectDigest: kitSha256,
      });
      if (!(await put(answer))) return noStorage;
      offer.agent.line.send({
        type: 'provenance.upload.complete',
        messageId: 'kit-complete',
        jobId: offer.jobId,
        subjectName: 'kit',
        subjectDigest: kitSha256,
        mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
      });
      if (!(await offer.agent.line.pinged(trial.withinMs)))
        fail('the connection ended', offer.agent.line.frames.at(-1));
      return undefined;
    },
  },
];

async function found(trial: ServerTrial, offer: Offer, request: Request): Promise<RecordedFrame> {
  const endsAtMs = trial.clock.monotonicMs() + trial.withinMs;
  for (;;) {
    const answer = await ask(offer, 'cache.user.restore.request', request);
    if (answer.fields['hit'] === true) return answer;
    if (trial.clock.monotonicMs() > endsAtMs) return fail('what was saved was not found', answer);
    await trial.clock.sleep(100);
  }
}
