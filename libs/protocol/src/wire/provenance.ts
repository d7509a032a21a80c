/** Build provenance: the same three steps as a cache upload, keyed by the subject's digest. */
import { z } from 'zod';
import { secret } from './annotation.ts';
import { jobId, messageId, name, requestId, shortText, url } from './field.ts';
import type { Immutable } from './immutable.ts';
import { message } from './message.ts';

const subjectDigest = z
  .string()
  .regex(/^[0-9a-f]{1,128}$/)
  .describe('Digest of the artefact, in lower-case hex.');

export const ProvenanceUploadRequest = message(
  'provenance.upload.request',
  'Asks where to put an attestation.',
  { messageId, jobId, subjectDigest },
);
export type ProvenanceUploadRequest = Immutable<z.infer<typeof ProvenanceUploadRequest>>;

export const ProvenanceUploadResponse = message(
  'provenance.upload.response',
  'Where to put the attestation.',
  {
    requestId: requestId('the request’s `messageId`'),
    uploadUrl: secret(url()).describe('Presigned URL; empty when there is no storage.'),
  },
);
export type ProvenanceUploadResponse = Immutable<z.infer<typeof ProvenanceUploadResponse>>;

export const ProvenanceUploadComplete = message(
  'provenance.upload.complete',
  'The attestation is uploaded.',
  {
    messageId,
    jobId,
    subjectName: name().describe('Name of the artefact.'),
    subjectDigest,
    mediaType: shortText().describe('Media type of the attestation.'),
  },
);
export type ProvenanceUploadComplete = Immutable<z.infer<typeof ProvenanceUploadComplete>>;
