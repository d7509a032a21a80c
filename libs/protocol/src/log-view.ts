/** A chunk of a job's log as the outside reads it, and as it is archived. */
import type { StoredMessage } from './envelope.ts';
import { parseJson } from './run-message.ts';
import { LogChunk } from './wire/step.ts';

export type LogView = Readonly<{
  /** Its sequence in WB_LOGS, wherever it lies now. */
  seq: number;
  at: string;
  jobId: string;
  attempt: number;
  stepIndex: number;
  lines: readonly string[];
}>;

/** Undefined for what is no chunk. */
export function logView(message: StoredMessage): LogView | undefined {
  const chunk = LogChunk.safeParse(parseJson(message.body));
  const jobId = message.header('wb-job') ?? message.subject.split('.').at(-1);
  if (!chunk.success || jobId === undefined) return undefined;
  const { stepIndex, lines } = chunk.data;
  return {
    seq: message.seq,
    at: new Date(message.at).toISOString(),
    jobId,
    attempt: Number(message.header('wb-attempt') ?? 1),
    stepIndex,
    lines,
  };
}
