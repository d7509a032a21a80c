/**
 * Artifacts: files that a job leaves behind, at `artifact://exec/<run>/<name>`. The agent asks for a presigned URL, moves the
 * bytes itself, confirms, and is told whether what arrived is what it said.
 */
import { z } from 'zod';
import { extension, secret } from './annotation.ts';
import {
  count,
  echo,
  freeRecord,
  jobId,
  messageId,
  quantity,
  requestId,
  runId,
  shortText,
  text,
  timestamp,
  url,
} from './field.ts';
import type { Immutable } from './immutable.ts';
import { wireLimits } from './limits.ts';
import { message } from './message.ts';

/** A path within the run: no empty, `.` or `..` part, no control character. */
const artifactName = () =>
  z
    .string()
    .min(1)
    .max(wireLimits.artifactNameCharsMax)
    .regex(
      /^(?![\s\S]*(?:^|\/)\.{0,2}(?:\/|$))[^\p{Cc}\p{Cs}\\]+$/u,
      'must be a relative path without empty, "." or ".." parts',
    )
    .describe('Its name in the run, as `report/index.html`.');
const uri = () => url().describe('Its address: `artifact://exec/<run>/<name>`.');

export const ArtifactUploadRequest = extension(
  message('artifact.upload.request', 'Asks where to put an artifact.', {
    messageId,
    runId,
    jobId,
    name: artifactName(),
    sizeBytes: quantity().optional().describe('Its size, where it is known.'),
    mediaType: shortText().optional().describe('Its media type.'),
    ...echo,
  }),
);
export type ArtifactUploadRequest = Immutable<z.infer<typeof ArtifactUploadRequest>>;

export const ArtifactUploadResponse = extension(
  message('artifact.upload.response', 'Where to put the artifact, or why it cannot be taken.', {
    requestId: requestId('the request’s `messageId`'),
    uploadUrl: secret(url()).describe('Presigned URL; empty when there is none.'),
    error: text().optional().describe('Why there is none, for people.'),
  }),
);
export type ArtifactUploadResponse = Immutable<z.infer<typeof ArtifactUploadResponse>>;

export const ArtifactUploadComplete = extension(
  message('artifact.upload.complete', 'The artifact is uploaded.', {
    messageId,
    runId,
    jobId,
    timestamp,
    name: artifactName(),
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .describe('SHA-256 of its bytes, in lower-case hex.'),
    sizeBytes: z.int().min(0).describe('Its size in bytes.'),
    mediaType: shortText().optional().describe('Its media type.'),
    stepIndex: count().optional().describe('The step that made it.'),
    attributes: freeRecord().optional().describe('More about it.'),
    ...echo,
  }),
);
export type ArtifactUploadComplete = Immutable<z.infer<typeof ArtifactUploadComplete>>;

export const ArtifactUploadResult = extension(
  message(
    'artifact.upload.result',
    'What arrived is what was said, and is kept; or why it is not.',
    {
      requestId: requestId('the completion’s `messageId`'),
      uri: uri().optional(),
      error: text().optional().describe('Why it is not kept, for people.'),
    },
    [
      {
        id: 'artifact-result-excludes-error',
        statement: '`error` must be absent when `uri` is present',
        when: [{ has: ['uri'] }],
        then: [{ lacks: ['error'] }],
        issueAt: ['error'],
      },
      {
        id: 'artifact-needs-uri-or-error',
        statement: '`error` must be present when `uri` is absent',
        when: [{ lacks: ['uri'] }],
        then: [{ has: ['error'] }],
        issueAt: ['error'],
      },
    ],
  ),
);
export type ArtifactUploadResult = Immutable<z.infer<typeof ArtifactUploadResult>>;
