/**
 * What agents ask of the store of objects: which object each frame is about, what stands in the run once it is done, and how it is
 * answered. Named by the attempt and its run as the log has them, and never by what a frame says of itself.
 */
import {
  artifactObject,
  artifactUri,
  cacheObject,
  type Draft,
  depsKey,
  provenanceObject,
  type RunCreated,
  type RunObject,
  runDraft,
  type wire,
} from '@waybill/protocol';
import type { Custody } from './custody.ts';
import { frameId, metaOf, type Spoken } from './fact.ts';

const requests = [
  'cache.upload.request',
  'cache.user.save.request',
  'provenance.upload.request',
  'artifact.upload.request',
] as const;
const completions = [
  'cache.upload.complete',
  'cache.user.save.complete',
  'provenance.upload.complete',
  'artifact.upload.complete',
] as const;

export type ObjectRequest = Extract<wire.AgentMessage, { type: (typeof requests)[number] }>;
export type ObjectCompletion = Extract<wire.AgentMessage, { type: (typeof completions)[number] }>;
export type ObjectFrame = ObjectRequest | ObjectCompletion | wire.CacheUserRestoreRequest;

const asked: ReadonlySet<string> = new Set(requests);
const completed: ReadonlySet<string> = new Set(completions);

export const isObjectRequest = (message: wire.AgentMessage): message is ObjectRequest =>
  asked.has(message.type);
export const isObjectCompletion = (message: wire.AgentMessage): message is ObjectCompletion =>
  completed.has(message.type);
export const isObjectFrame = (message: wire.AgentMessage): message is ObjectFrame =>
  isObjectRequest(message) ||
  isObjectCompletion(message) ||
  message.type === 'cache.user.restore.request';

/** Undefined for a build cache that names nothing to find it by. */
export function objectOf(
  message: ObjectRequest | ObjectCompletion,
  run: RunCreated,
  custody: Custody,
): RunObject | undefined {
  switch (message.type) {
    case 'cache.upload.request':
    case 'cache.upload.complete': {
      const key = buildKey(message);
      return key === undefined ? undefined : cacheObject(run, message.cacheType, key);
    }
    case 'cache.user.save.request':
    case 'cache.user.save.complete':
      return cacheObject(run, 'cache', message.key);
    case 'provenance.upload.request':
    case 'provenance.upload.complete':
      return provenanceObject(custody, message.subjectDigest);
    case 'artifact.upload.request':
    case 'artifact.upload.complete':
      return artifactObject(custody, message.name);
  }
}

function buildKey({
  cacheType,
  contentHash,
  lockfileHash,
  platform,
  arch,
}: wire.CacheUploadRequest | wire.CacheUploadComplete): string | undefined {
  if (cacheType === 'source') return contentHash || undefined;
  return lockfileHash ? depsKey(lockfileHash, platform, arch) : undefined;
}

type Said = Readonly<{ sha256?: string; sizeBytes?: number; mediaType?: string }>;

/** What the agent says of the bytes, as far as it says it: compared, never believed. */
export function saidOf(message: ObjectCompletion): Said {
  switch (message.type) {
    case 'cache.upload.complete':
      return message.depsHash === undefined ? {} : { sha256: message.depsHash };
    case 'cache.user.save.complete':
      return { sha256: message.tarHash, sizeBytes: message.sizeBytes };
    case 'provenance.upload.complete':
      return { mediaType: message.mediaType };
    case 'artifact.upload.complete': {
      const { sha256, sizeBytes, mediaType } = message;
      return { sha256, sizeBytes, ...(mediaType === undefined ? {} : { mediaType }) };
    }
  }
}

type Found = Readonly<{ sha256: string; sizeBytes: number }>;

/** Verified: what lies in the store is what the fact says. */
export function storedFact(
  message: ObjectCompletion,
  { name }: RunObject,
  { sha256, sizeBytes }: Found,
  custody: Custody,
  spoken: Spoken,
): Draft {
  const { org, runId } = custody;
  const meta = metaOf(frameId(spoken), custody, spoken.who.session);
  const found = { sha256, sizeBytes };
  switch (message.type) {
    case 'cache.upload.complete': {
      const { cacheType: kind, platform, arch } = message;
      const body = { kind, key: name, platform, arch, ...found };
      return runDraft({ org, runId, type: 'cache.stored', meta, body });
    }
    case 'cache.user.save.complete': {
      const body = { kind: 'cache' as const, key: name, ...found };
      return runDraft({ org, runId, type: 'cache.stored', meta, body });
    }
    case 'provenance.upload.complete': {
      const { subjectName, subjectDigest, mediaType } = message;
      const body = { subjectName, subjectDigest, mediaType, ...found };
      return runDraft({ org, runId, type: 'provenance.stored', meta, body });
    }
    case 'artifact.upload.complete': {
      const { mediaType, stepIndex, attributes } = message;
      const body = {
        name,
        uri: artifactUri(runId, name),
        ...found,
        ...(mediaType === undefined ? {} : { mediaType }),
        ...(stepIndex === undefined ? {} : { stepIndex }),
        ...(attributes === undefined ? {} : { attributes }),
      };
      return runDraft({ org, runId, type: 'artifact.stored', meta, body });
    }
  }
}

export function restoredFact(
  { key }: wire.CacheUserRestoreRequest,
  matchedKey: string | null,
  custody: Custody,
  spoken: Spoken,
): Draft {
  const { org, runId } = custody;
  const meta = metaOf(frameId(spoken), custody, spoken.who.session);
  return runDraft({ org, runId, type: 'cache.restored', meta, body: { key, matchedKey } });
}

/** Where to put it. */
export function uploadAnswer(message: ObjectRequest, uploadUrl: string): wire.OrchestratorMessage {
  const { messageId: requestId } = message;
  switch (message.type) {
    case 'cache.upload.request':
      return { type: 'cache.upload.response', requestId, uploadUrl };
    case 'cache.user.save.request':
      return { type: 'cache.user.save.response', requestId, skip: false, uploadUrl };
    case 'provenance.upload.request':
      return { type: 'provenance.upload.response', requestId, uploadUrl };
    case 'artifact.upload.request':
      return { type: 'artifact.upload.response', requestId, uploadUrl };
  }
}
