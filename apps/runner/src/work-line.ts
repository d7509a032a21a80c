/** Lines in which a step tells of work with models, as the facts that they are. */
import type { JobHandle } from '@waybill/agent';
import { safeError } from '@waybill/process';
import { wire } from '@waybill/protocol';
import { z } from 'zod';

/** What the step itself did, if the line does not say. */
export function sayUsage(
  job: JobHandle,
  stepIndex: number,
  lines: readonly unknown[],
  complain: (problem: string) => void,
): void {
  const entries = lines.flatMap((line) => {
    const read = wire.UsageEntry.safeParse(
      typeof line === 'object' && line !== null ? { stepIndex, ...line } : line,
    );
    if (read.success) return [read.data];
    complain(`a line of WAYBILL_USAGE is no usage: ${safeError(read.error).message}`);
    return [];
  });
  if (entries.length > 0) job.usage(entries);
}

const Header = z.object({
  type: z.enum(['conversation.status', 'context.bundle', 'workspace.ref']),
});
/** The job says who and when; a line does not. */
const header = { messageId: 'line', runId: 'line', jobId: 'line', timestamp: 0 };

/** Throws what the line is not. */
export function sayWork(job: JobHandle, line: unknown): void {
  const { type } = Header.parse(line);
  const whole = { ...(line as object), ...header }; // a parse has just found a member in it
  switch (type) {
    case 'conversation.status':
      return job.conversation(bodyOf(wire.ConversationStatus.parse(whole)));
    case 'context.bundle':
      return job.contextBundle(bodyOf(wire.ContextBundle.parse(whole)));
    case 'workspace.ref':
      return job.workspaceRef(bodyOf(wire.WorkspaceRef.parse(whole)));
    default:
      return type satisfies never;
  }
}

function bodyOf<T extends object>(message: T): T {
  const names = new Set(['type', 'messageId', 'runId', 'jobId', 'timestamp', 'attempt', 'fence']);
  // The same object without what the job adds itself; whoever takes it does not ask for those.
  return Object.fromEntries(Object.entries(message).filter(([name]) => !names.has(name))) as T;
}
