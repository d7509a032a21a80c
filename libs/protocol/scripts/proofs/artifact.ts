/** The rows of the handshake around an artifact. */
import { type Coverage, inAgent, inWork, same, source } from './proof.ts';

const made = inWork(
  'artifact.upload.request and artifact.upload.complete leave an artifact with every field, at its address',
);
const mistaken = inWork(
  'artifact frames with another attempt or fence than the dispatch are taken for the attempt that holds the job',
);
const ignored = {
  does: 'Accepted and not used: the session and the stored offer say which attempt it is.',
  handledIn: source.speaker,
  provenBy: mistaken,
};

export const artifactCoverage: Coverage = {
  'artifact.upload.request': {
    handledIn: source.objects,
    provenBy: made,
    fields: {
      messageId: same.answered,
      runId: same.runId,
      jobId: same.jobId,
      name: 'The name of the artifact in its run; one that another job has taken has no place.',
      sizeBytes: {
        does: 'Accepted and not used: what `artifact.upload.complete` says is compared with the bytes.',
        provenBy: mistaken,
      },
      mediaType: {
        does: 'Accepted and not used: that of `artifact.upload.complete` is kept.',
        provenBy: mistaken,
      },
      attempt: ignored,
      fence: ignored,
    },
  },
  'artifact.upload.response': {
    handledIn: source.objects,
    provenBy: made,
    fields: {
      requestId: 'The `messageId` of the request.',
      uploadUrl: {
        does: 'A signed address for one upload by this attempt; empty where there is no place.',
        runner: inAgent('uploads', 'is uploaded, verified and has an address then'),
      },
      error: 'Why there is no place.',
    },
  },
  'artifact.upload.complete': {
    handledIn: source.objects,
    provenBy: made,
    fields: {
      messageId: same.answered,
      runId: same.runId,
      jobId: same.jobId,
      timestamp: {
        does: 'Accepted and not used: the fact is written by the gateway, with the time of the log.',
        provenBy: mistaken,
      },
      name: 'The artifact that becomes one.',
      sha256: 'Compared with the bytes; another one is refused.',
      sizeBytes: 'Compared with the bytes; another one is refused.',
      mediaType: 'Kept with the artifact, and given with its download.',
      stepIndex: 'Kept with the artifact.',
      attributes: 'Kept with the artifact.',
      attempt: ignored,
      fence: ignored,
    },
  },
  'artifact.upload.result': {
    handledIn: source.objects,
    provenBy: made,
    fields: {
      requestId: 'The `messageId` of the completion.',
      uri: {
        does: 'The address of the artifact, once it is verified and in the log.',
        runner: inAgent('uploads', 'is uploaded, verified and has an address then'),
      },
      error: {
        does: 'Why it is not kept.',
        runner: inAgent('uploads', 'that the server does not keep fails with its reason'),
      },
    },
  },
};
