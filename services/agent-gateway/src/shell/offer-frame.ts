/**
 * The frame of an offer as it goes to the socket, or why there is none. Its secrets are in plain text in what comes back, which
 * exists from here to the socket and nowhere else; why there is none never says anything of what is in it.
 */
import { isSealed, type KeyRing, open, registerSecretValues, SealError } from '@waybill/process';
import { type DispatchFrame, dispatchFrame, wire } from '@waybill/protocol';
import type { Held } from '../domain/history.ts';
import type { Weighed } from './run-history.ts';

export type UnsentCause = 'secrets_unreadable' | 'dispatch_invalid' | 'dispatch_too_big';
/** `about`: for the log. */
export type Unsendable = Readonly<{
  cause: UnsentCause;
  about: Readonly<Record<string, unknown>>;
}>;
type Place = Readonly<{ org: string; runId: string }>;

export const isUnsendable = (made: DispatchFrame | Unsendable): made is Unsendable =>
  !('type' in made);

/** Undefined before `run.created`, which is before any offer. */
export async function offerFrame(
  ring: KeyRing,
  { run, bytes }: Weighed,
  { job, attempt }: Held,
  o: Place & Readonly<{ extended: boolean }>,
): Promise<DispatchFrame | Unsendable | undefined> {
  const sealed = dispatchFrame(run, job, attempt, o.extended);
  if (sealed === undefined) return undefined;
  const whole = await opened(ring, sealed, o);
  if (isUnsendable(whole)) return whole;
  // Agents that exist give no answer at all to a dispatch that does not fit its schema.
  const checked = wire.JobDispatch.safeParse(whole);
  if (!checked.success) {
    const fields = checked.error.issues.map((issue) => issue.path.join('.'));
    return { cause: 'dispatch_invalid', about: { fields } };
  }
  return tooBig(whole, bytes) ?? whole;
}

async function opened(
  ring: KeyRing,
  frame: DispatchFrame,
  { org, runId }: Place,
): Promise<DispatchFrame | Unsendable> {
  const sealed = frame['secrets'];
  if (!isSealed(sealed)) return frame;
  try {
    const secrets = await open(ring, sealed, { org, run: runId, field: 'secrets' });
    registerSecretValues(secrets);
    return { ...frame, secrets };
  } catch (error) {
    if (!(error instanceof SealError)) throw error;
    return { cause: 'secrets_unreadable', about: { err: error } };
  }
}

/** It would cost the agent its connection. The bytes of the run are about the most that its frame can have. */
function tooBig(frame: DispatchFrame, bytes: number): Unsendable | undefined {
  const max = wire.wireLimits.frameBytesMax;
  if (bytes < max / 2) return undefined;
  const frameBytes = Buffer.byteLength(JSON.stringify(frame));
  return frameBytes <= max ? undefined : { cause: 'dispatch_too_big', about: { frameBytes, max } };
}
