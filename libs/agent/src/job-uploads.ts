/**
 * What a job stores at the server's: caches, provenance, artifacts. Each asks for an address, moves the bytes itself and says
 * that they are there; nothing is said of bytes that did not arrive.
 */
import type { wire } from '@waybill/protocol';
import type { JobRequestsOptions } from './job-requests.ts';
import { subjectOf } from './job-work.ts';
import { RequestFailed } from './request-desk.ts';
import { type Body, createUploader, measure } from './upload.ts';

export type CacheHit = Readonly<{ matchedKey: string; downloadUrl: string; tarHash?: string }>;
/** Where to put a cache, and how to say that it is there; `put` does both. */
export type CacheSlot = Readonly<{
  uploadUrl: string;
  put(file: string): Promise<void>;
  complete(said: Readonly<{ tarHash: string; sizeBytes: number }>): void;
}>;

export type BuildCache = Readonly<{
  cacheType: wire.WireCacheType;
  contentHash?: string;
  lockfileHash?: string;
  platform?: string;
  arch?: string;
}>;

export type Provenance = Readonly<{
  subjectName: string;
  /** Lower-case hex. */
  subjectDigest: string;
  mediaType: string;
}>;

export type Artifact = Readonly<{
  mediaType?: string;
  stepIndex?: number;
  attributes?: Readonly<Record<string, unknown>>;
}>;

export type JobUploads = Readonly<{
  cache: Readonly<{
    /** The exact key, else the newest of the first prefix that matches. */
    restore(key: string, restoreKeys?: readonly string[]): Promise<CacheHit | undefined>;
    /** Undefined where the key is taken: its content never changes. */
    save(key: string): Promise<CacheSlot | undefined>;
  }>;
  buildCache(cache: BuildCache, body: Body): Promise<void>;
  provenance(provenance: Provenance, bundle: Body): Promise<void>;
  /** Resolves with its address, once the server has verified what arrived. */
  artifact(name: string, body: Body, more?: Artifact): Promise<Readonly<{ uri: string }>>;
}>;

export function createJobUploads(o: JobRequestsOptions): JobUploads {
  const { dispatch, requests, timing, newMessageId } = o;
  const { jobId } = dispatch;
  const uploader = createUploader({ ...o, withinMs: timing.uploadMs });
  const timeoutMs = timing.requestMs;
  /** What a job that has to end still asks for, its hooks do; the time bounds it. */
  const ending = () => (o.signal.aborted ? {} : { signal: o.signal });

  return {
    cache: {
      restore: async (key, restoreKeys) => {
        const id = newMessageId();
        const said = { messageId: id, jobId, key, ...(restoreKeys ? { restoreKeys } : {}) };
        const found = await requests.ask({
          id,
          frame: { type: 'cache.user.restore.request', ...said },
          answer: 'cache.user.restore.response',
          timeoutMs,
          ...ending(),
        });
        const { hit, matchedKey = key, downloadUrl, tarHash } = found;
        if (!hit || downloadUrl === undefined || downloadUrl === '') return undefined;
        return { matchedKey, downloadUrl, ...(tarHash === undefined ? {} : { tarHash }) };
      },
      save: async (key) => {
        const id = newMessageId();
        const { skip, uploadUrl = '' } = await requests.ask({
          id,
          frame: { type: 'cache.user.save.request', messageId: id, jobId, key },
          answer: 'cache.user.save.response',
          timeoutMs,
          ...ending(),
        });
        if (skip) return undefined;
        const complete: CacheSlot['complete'] = (said) =>
          o.answer({
            type: 'cache.user.save.complete',
            messageId: newMessageId(),
            jobId,
            key,
            ...said,
          });
        const put = async (file: string): Promise<void> => {
          const { sha256, sizeBytes } = await measure({ file });
          await uploader.put(uploadUrl, { file });
          complete({ tarHash: sha256, sizeBytes });
        };
        return { uploadUrl, put, complete };
      },
    },
    buildCache: async (cache, body) => {
      const id = newMessageId();
      const said = { jobId, platform: process.platform, arch: process.arch, ...cache };
      const { uploadUrl } = await requests.ask({
        id,
        frame: { type: 'cache.upload.request', messageId: id, ...said },
        answer: 'cache.upload.response',
        timeoutMs,
        ...ending(),
      });
      const { sha256 } = await measure(body);
      await uploader.put(uploadUrl, body);
      const depsHash = cache.cacheType === 'deps' ? { depsHash: sha256 } : {};
      o.answer({
        type: 'cache.upload.complete',
        messageId: newMessageId(),
        ...said,
        ...depsHash,
      });
    },
    provenance: async ({ subjectName, subjectDigest, mediaType }, bundle) => {
      const id = newMessageId();
      const { uploadUrl } = await requests.ask({
        id,
        frame: { type: 'provenance.upload.request', messageId: id, jobId, subjectDigest },
        answer: 'provenance.upload.response',
        timeoutMs,
        ...ending(),
      });
      await uploader.put(uploadUrl, bundle);
      const messageId = newMessageId();
      const said = { messageId, jobId, subjectName, subjectDigest, mediaType };
      o.answer({ type: 'provenance.upload.complete', ...said });
    },
    artifact: async (name, body, { mediaType, ...more } = {}) => {
      if (o.announced()?.agentWork !== true)
        throw new RequestFailed('unsupported', 'the server takes no artifacts');
      const { sha256, sizeBytes } = await measure(body);
      const id = newMessageId();
      const said = { ...subjectOf(dispatch), name, sizeBytes, ...(mediaType ? { mediaType } : {}) };
      const { uploadUrl, error } = await requests.ask({
        id,
        frame: { type: 'artifact.upload.request', messageId: id, ...said },
        answer: 'artifact.upload.response',
        timeoutMs,
        ...ending(),
      });
      if (error !== undefined) throw new RequestFailed('refused', error);
      await uploader.put(uploadUrl, body);
      const messageId = newMessageId();
      const timestamp = o.clock.now();
      const result = await requests.ask({
        id: messageId,
        frame: { type: 'artifact.upload.complete', messageId, ...said, timestamp, sha256, ...more },
        answer: 'artifact.upload.result',
        timeoutMs,
        ...ending(),
      });
      if (result.uri === undefined) throw new RequestFailed('refused', result.error ?? 'not kept');
      return { uri: result.uri };
    },
  };
}
