/** The rows of the handshakes around the object store: build caches, a user’s cache, provenance. */
import { type Coverage, inAgent, inGateway, inObjects, same, source } from './proof.ts';

const build = inObjects(
  'cache.upload.request and cache.upload.complete make a build cache that is found by what they say',
);
const user = inObjects(
  'cache.user.save.request, cache.user.save.complete and cache.user.restore.request save and find by key and restoreKeys',
);
const attested = inObjects(
  'provenance.upload.request and provenance.upload.complete leave an attestation that is found by its digest',
);
const fires = {
  does: 'Accepted and not used: nobody waits for an answer to it.',
};
const buildKey = {
  cacheType: 'Whether it is the source of a workflow or its dependencies.',
  contentHash:
    'The key of a source, by which a dispatch with the same `contentHash` finds it; not used for dependencies.',
  lockfileHash: 'With platform and arch the key of dependencies; not used for a source.',
  platform: 'Part of the key of dependencies: they fit one kind of host.',
  arch: 'Part of the key of dependencies: they fit one kind of host.',
} as const;
const found = inGateway(
  'object',
  'are found by the next dispatch that names them, for its own kind of host',
);

export const objectCoverage: Coverage = {
  'cache.upload.request': {
    handledIn: source.objects,
    provenBy: build,
    fields: { messageId: same.answered, jobId: same.jobId, ...buildKey },
  },
  'cache.upload.complete': {
    handledIn: source.objectRequest,
    provenBy: build,
    fields: {
      messageId: fires,
      jobId: same.jobId,
      ...buildKey,
      contentHash: { does: buildKey.contentHash, provenBy: found },
      depsHash: 'Compared with the bytes; another one is not kept.',
    },
  },
  'cache.upload.response': {
    handledIn: source.objects,
    provenBy: build,
    fields: {
      requestId: 'The `messageId` of the request.',
      uploadUrl: {
        does: 'A signed address for one upload by this attempt; empty where there is no storage.',
        runner: inAgent('uploads', 'go to their addresses, and are confirmed'),
      },
    },
  },
  'cache.user.restore.request': {
    handledIn: source.objects,
    provenBy: user,
    fields: {
      messageId: same.answered,
      jobId: same.jobId,
      key: 'Looked for first, as it is.',
      restoreKeys:
        'Prefixes, tried in order where the key is not there; the newest of the first that fits.',
    },
  },
  'cache.user.restore.response': {
    handledIn: source.objects,
    provenBy: user,
    fields: {
      requestId: 'The `messageId` of the request.',
      hit: {
        does: 'Whether anything was found.',
        runner: inAgent('uploads', 'is found by its key, or it is not there'),
      },
      matchedKey: 'The key that was found.',
      downloadUrl: 'A signed address to read it from.',
      tarHash: 'SHA-256 of the bytes, as they were verified.',
    },
  },
  'cache.user.save.request': {
    handledIn: source.objects,
    provenBy: user,
    fields: {
      messageId: same.answered,
      jobId: same.jobId,
      key: 'What it is saved under; one that is there already is skipped.',
    },
  },
  'cache.user.save.response': {
    handledIn: source.objects,
    provenBy: user,
    fields: {
      requestId: 'The `messageId` of the request.',
      uploadUrl:
        'A signed address for one upload by this attempt; empty where there is no storage.',
      skip: {
        does: 'True where the key is there: keys never change.',
        runner: inAgent('uploads', 'is uploaded once, and said to be there with its hash and size'),
      },
    },
  },
  'cache.user.save.complete': {
    handledIn: source.objectRequest,
    provenBy: user,
    fields: {
      messageId: fires,
      jobId: same.jobId,
      key: 'The key that it becomes.',
      tarHash: 'Compared with the bytes; another one is not kept.',
      sizeBytes: 'Compared with the bytes; another one is not kept.',
    },
  },
  'provenance.upload.request': {
    handledIn: source.objects,
    provenBy: attested,
    fields: {
      messageId: same.answered,
      jobId: same.jobId,
      subjectDigest: 'Names the attestation within its attempt.',
    },
  },
  'provenance.upload.response': {
    handledIn: source.objects,
    provenBy: attested,
    fields: {
      requestId: 'The `messageId` of the request.',
      uploadUrl: {
        does: 'A signed address for one upload by this attempt; empty where there is no storage.',
        runner: inAgent('uploads', 'go to their addresses, and are confirmed'),
      },
    },
  },
  'provenance.upload.complete': {
    handledIn: source.objectRequest,
    provenBy: attested,
    fields: {
      messageId: fires,
      jobId: same.jobId,
      subjectName: 'Kept with the attestation and shown with it.',
      subjectDigest: 'The attestation is found by it.',
      mediaType: 'Kept with the attestation and given with its download.',
    },
  },
};
