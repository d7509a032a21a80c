/**
 * The frame of an offer as it goes to the socket, or why there is none. Its secrets and addresses are in plain text in what comes
 * back, which exists from here to the socket and nowhere else; why there is none never says anything of what is in it.
 */
import type { Objects } from '@waybill/objects';
import {
  type Clock,
  isSealed,
  type KeyRing,
  type Logger,
  open,
  openRunOutput,
  registerSecretValues,
  runPublicKey,
  SealError,
} from '@waybill/process';
import {
  type DispatchFrame,
  dispatchFrame,
  type Run,
  upstreamSecrets,
  wire,
} from '@waybill/protocol';
import type { Held } from '../domain/history.ts';
import type { HostKind } from './registry.ts';
import type { Weighed } from './run-history.ts';
import { storedInputs } from './stored-inputs.ts';

export type UnsentCause = 'secrets_unreadable' | 'dispatch_invalid' | 'dispatch_too_big';
/** `about`: for the log. */
export type Unsendable = Readonly<{
  cause: UnsentCause;
  about: Readonly<Record<string, unknown>>;
}>;
type Place = Readonly<{ org: string; runId: string }>;
type Fields = Readonly<Record<string, unknown>>;

/** What a frame is made with beside the run. */
export type FrameMaking = Readonly<{
  ring: KeyRing;
  objects: Objects | undefined;
  clock: Clock;
  log: Logger;
}>;

export const isUnsendable = (made: DispatchFrame | Unsendable): made is Unsendable =>
  !('type' in made);

/** Undefined before `run.created`, which is before any offer. */
export async function offerFrame(
  making: FrameMaking,
  { run, bytes }: Weighed,
  held: Held,
  o: Place & Readonly<{ extended: boolean; host: HostKind }>,
): Promise<DispatchFrame | Unsendable | undefined> {
  const sealed = dispatchFrame(run, held.job, held.attempt, o.extended);
  if (sealed === undefined || run.created === null) return undefined;
  const [inputs, opened] = await Promise.all([
    storedInputs(making, run.created, sealed['jobConfig'], o.host),
    openedFields(making, run, held, o),
  ]);
  if (isProblem(opened)) return opened;
  const whole: DispatchFrame = {
    ...sealed,
    runPublicKey: await runPublicKey(making.ring, o),
    ...inputs,
    ...merged(sealed, opened),
  };
  // Agents that exist give no answer at all to a dispatch that does not fit its schema.
  const checked = wire.JobDispatch.safeParse(whole);
  if (!checked.success) {
    const fields = checked.error.issues.map((issue) => issue.path.join('.'));
    return { cause: 'dispatch_invalid', about: { fields } };
  }
  return tooBig(whole, bytes) ?? whole;
}

type Opened = Readonly<{
  secrets?: unknown;
  credentials?: Fields;
  /** Secret outputs by the name of their job. */
  outputs: Readonly<Record<string, Readonly<Record<string, string>>>>;
}>;

const isProblem = (value: Opened | Unsendable): value is Unsendable => 'cause' in value;

async function openedFields(
  { ring, log }: FrameMaking,
  run: Run,
  { job }: Held,
  { org, runId }: Place,
): Promise<Opened | Unsendable> {
  const { secrets, credentials } = run.created ?? {};
  try {
    const opened = {
      ...(isSealed(secrets)
        ? { secrets: await open(ring, secrets, { org, run: runId, field: 'secrets' }) }
        : {}),
      ...(isSealed(credentials)
        ? {
            credentials: entrusted(
              run,
              fieldsOf(await open(ring, credentials, { org, run: runId, field: 'credentials' })),
            ),
          }
        : {}),
      outputs: await openedOutputs({ ring, log }, upstreamSecrets(run, job), { org, runId }),
    };
    registerSecretValues(opened);
    return opened;
  } catch (error) {
    if (!(error instanceof SealError)) throw error;
    return { cause: 'secrets_unreadable', about: { err: error } };
  }
}

/** A stranger's code decides what its installation does. */
function entrusted({ created }: Run, credentials: Fields): Fields {
  if (created?.trust !== 'fork') return credentials;
  const { installEnvSecrets: _kept, ...rest } = credentials;
  return rest['npmRegistries'] === undefined ? rest : { ...rest, npmRegistries: [] };
}

/** What does not open was sealed in another way or to another key: the job goes without it, and fails by itself if it needs it. */
async function openedOutputs(
  { ring, log }: Pick<FrameMaking, 'ring' | 'log'>,
  jobs: ReturnType<typeof upstreamSecrets>,
  { org, runId }: Place,
): Promise<Opened['outputs']> {
  const opened: Record<string, Record<string, string>> = {};
  for (const { jobId, name, outputs } of jobs)
    for (const [output, sealed] of Object.entries(outputs)) {
      try {
        const plain = await openRunOutput(ring, { org, runId, jobId, name: output }, sealed);
        opened[name] = { ...opened[name], [output]: plain };
      } catch (error) {
        if (!(error instanceof SealError)) throw error;
        log.error({ runId, jobId, output, err: error }, 'a secret output does not open');
      }
    }
  return opened;
}

/** Secret outputs stand beside the others of their job, and where a step asks for secrets by context. */
function merged(sealed: DispatchFrame, { secrets, credentials = {}, outputs }: Opened): Fields {
  const names = Object.keys(outputs);
  const plain = fieldsOf(sealed['upstreamJobOutputs']);
  const contexts = fieldsOf(credentials['namespacedSecrets']);
  return {
    ...(secrets === undefined ? {} : { secrets }),
    ...credentials,
    ...(names.length === 0
      ? {}
      : {
          upstreamJobOutputs: {
            ...plain,
            ...mapped(names, (name) => [name, { ...fieldsOf(plain[name]), ...outputs[name] }]),
          },
          namespacedSecrets: {
            ...contexts,
            ...mapped(names, (name) => [`needs.${name}`, outputs[name] ?? {}]),
          },
        }),
  };
}

const mapped = (
  names: readonly string[],
  entry: (name: string) => readonly [string, unknown],
): Fields => Object.fromEntries(names.map(entry));

const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null ? (value as Fields) : {}; // just checked to be an object

/** It would cost the agent its connection. The bytes of the run are about the most that its frame can have. */
function tooBig(frame: DispatchFrame, bytes: number): Unsendable | undefined {
  const max = wire.wireLimits.frameBytesMax;
  if (bytes < max / 2) return undefined;
  const frameBytes = Buffer.byteLength(JSON.stringify(frame));
  return frameBytes <= max ? undefined : { cause: 'dispatch_too_big', about: { frameBytes, max } };
}
