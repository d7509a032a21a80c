/**
 * Caches: the agent asks for a presigned URL, moves the bytes itself, then confirms. Build caches
 * hold sources and dependencies; user caches hold what a workflow saves under a key of its own.
 */
import { z } from 'zod';
import { secret } from './annotation.ts';
import { jobId, messageId, name, names, quantity, requestId, shortText, url } from './field.ts';
import type { Immutable } from './immutable.ts';
import { message } from './message.ts';

export const WireCacheType = z.enum(['source', 'deps']);
export type WireCacheType = z.infer<typeof WireCacheType>;

const artefact = {
  messageId,
  jobId,
  cacheType: WireCacheType.describe('The workflow’s source, or its installed dependencies.'),
  contentHash: shortText().optional().describe('Hash of the content, as cache key.'),
  lockfileHash: shortText().optional().describe('Hash of the lock file, as cache key.'),
  platform: shortText().describe('Operating system that it was made on.'),
  arch: shortText().describe('Processor architecture that it was made on.'),
};
const key = name().min(1).describe('The exact key.');
const ofRequest = () => requestId('the request’s `messageId`');

export const CacheUploadRequest = message(
  'cache.upload.request',
  'Asks where to put a build cache.',
  artefact,
);
export type CacheUploadRequest = Immutable<z.infer<typeof CacheUploadRequest>>;

export const CacheUploadComplete = message(
  'cache.upload.complete',
  'The build cache is uploaded.',
  {
    ...artefact,
    depsHash: shortText().optional().describe('SHA-256 of the dependencies’ file.'),
  },
);
export type CacheUploadComplete = Immutable<z.infer<typeof CacheUploadComplete>>;

export const CacheUploadResponse = message(
  'cache.upload.response',
  'Where to put the build cache.',
  {
    requestId: ofRequest(),
    uploadUrl: secret(url()).describe('Presigned URL; empty when there is no storage.'),
  },
);
export type CacheUploadResponse = Immutable<z.infer<typeof CacheUploadResponse>>;

export const CacheUserRestoreRequest = message(
  'cache.user.restore.request',
  'Asks for a saved cache.',
  {
    messageId,
    jobId,
    key,
    restoreKeys: names().optional().describe('Prefixes to try in order; the newest match wins.'),
  },
);
export type CacheUserRestoreRequest = Immutable<z.infer<typeof CacheUserRestoreRequest>>;

export const CacheUserRestoreResponse = message(
  'cache.user.restore.response',
  'Where the saved cache is, or that there is none.',
  {
    requestId: ofRequest(),
    hit: z.boolean().describe('An entry matched.'),
    matchedKey: name().optional().describe('The key that matched, in full.'),
    downloadUrl: secret(url()).optional().describe('Presigned URL of the match.'),
    tarHash: shortText().optional().describe('SHA-256 of the file.'),
  },
  [
    {
      id: 'restore-url-needs-hit',
      statement: '`downloadUrl` must be absent without a hit',
      when: [{ has: ['downloadUrl'] }],
      then: [{ at: ['hit'], oneOf: [true] }],
      issueAt: ['downloadUrl'],
    },
  ],
);
export type CacheUserRestoreResponse = Immutable<z.infer<typeof CacheUserRestoreResponse>>;

export const CacheUserSaveRequest = message(
  'cache.user.save.request',
  'Asks where to save a cache.',
  {
    messageId,
    jobId,
    key,
  },
);
export type CacheUserSaveRequest = Immutable<z.infer<typeof CacheUserSaveRequest>>;

export const CacheUserSaveResponse = message(
  'cache.user.save.response',
  'Where to save the cache, or that its key is taken: keys never change their content.',
  {
    requestId: ofRequest(),
    uploadUrl: secret(url()).optional().describe('Presigned URL of a temporary object.'),
    skip: z.boolean().describe('The key exists already; there is nothing to do.'),
  },
  [
    {
      id: 'save-skip-excludes-url',
      statement: '`uploadUrl` must be absent when `skip` is true',
      when: [{ at: ['skip'], oneOf: [true] }],
      then: [{ lacks: ['uploadUrl'] }],
      issueAt: ['uploadUrl'],
    },
    {
      id: 'save-needs-url-or-skip',
      statement: '`uploadUrl` must be present when `skip` is false',
      when: [{ at: ['skip'], oneOf: [false] }],
      then: [{ has: ['uploadUrl'] }],
      issueAt: ['uploadUrl'],
    },
  ],
);
export type CacheUserSaveResponse = Immutable<z.infer<typeof CacheUserSaveResponse>>;

export const CacheUserSaveComplete = message('cache.user.save.complete', 'The cache is uploaded.', {
  messageId,
  jobId,
  key,
  tarHash: shortText().describe('SHA-256 of the file.'),
  sizeBytes: quantity().describe('Size of the file; counts against the quota.'),
});
export type CacheUserSaveComplete = Immutable<z.infer<typeof CacheUserSaveComplete>>;
