/**
 * What a step says without an SDK: files to which it appends lines, read while it runs and at its end. Events and artifacts go
 * out in order; usage as it comes; secret outputs are hidden from the moment they are written.
 */
import { realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { JobAborted, type JobHandle, RequestFailed } from '@waybill/agent';
import { type Clock, registerSecretValues, safeError } from '@waybill/process';
import { z } from 'zod';
import { type GrowingFile, growingFile } from './growing-file.ts';
import { type GrowingMask, hideIn } from './secret-mask.ts';
import type { Variables } from './step-environment.ts';
import { outputOf } from './step-outputs.ts';
import type { Workspace } from './work-folder.ts';
import { sayUsage, sayWork } from './work-line.ts';

export type ChannelOptions = Readonly<{
  job: JobHandle;
  clock: Clock;
  mask: GrowingMask;
  workspace: Workspace;
  stepIndex: number;
}>;

export type ChannelEnd = Readonly<{
  /** Events that nobody has taken, artifacts that are not kept: reasons why the step has failed. */
  failures: readonly string[];
  secretOutputs: Readonly<Record<string, string>>;
}>;

export type StepChannel = Readonly<{
  variables: Variables;
  /** After the step has ended; waits for what is on its way. */
  end(): Promise<ChannelEnd>;
}>;

const pollMs = 200;
const complaintsMax = 10;

const EmitLine = z.object({
  event: z.string().min(1),
  payload: z.record(z.string(), z.unknown()).nullish(),
  target: z.object({ repos: z.array(z.string()).optional() }).nullish(),
});
const ArtifactLine = z.object({
  name: z.string().min(1),
  path: z.string().min(1).nullish(),
  contentType: z.string().nullish(),
});

const ProvenanceLine = z.object({
  name: z.string().min(1),
  digest: z.string().regex(/^(?:sha\d+:)?[0-9a-f]+$/, 'must be lower-case hex'),
  path: z.string().min(1),
  mediaType: z.string().nullish(),
});
const attestation = 'application/vnd.in-toto+json';

export function openChannel(o: ChannelOptions): StepChannel {
  const { job, mask, workspace, stepIndex } = o;
  const failures: string[] = [];
  const secretOutputs: Record<string, string> = {};
  let complaints = 0;
  let sent = Promise.resolve();

  const complain = (problem: string): void => {
    complaints += 1;
    if (complaints <= complaintsMax) job.log(stepIndex, [mask.hide(problem)]);
  };
  /** One after the other, because the order of events is theirs. */
  const send = (what: string, work: () => Promise<unknown>): void => {
    sent = sent.then(async () => {
      // What another agent may do by now is not done here too.
      const reason: unknown = job.signal.aborted ? job.signal.reason : undefined;
      if (reason instanceof JobAborted && reason.code !== 'cancelled') return;
      try {
        await work();
      } catch (error) {
        const problem = `${what}: ${safeError(error).message}`;
        complain(problem);
        // A server that knows no artifacts is no reason for a build to fail.
        if (!(error instanceof RequestFailed) || error.code !== 'unsupported')
          failures.push(mask.hide(problem));
      }
    });
  };
  const emit = (line: unknown): void => {
    const { event, payload, target } = EmitLine.parse(hideIn(mask, line));
    send(`event "${event}" was not taken`, () =>
      job.emit(event, payload ?? {}, target ?? undefined),
    );
  };
  const artifact = (line: unknown): void => {
    const { name, path: file, contentType } = ArtifactLine.parse(line);
    send(`artifact "${name}" is not kept`, async () => {
      const whole = await insideOf(workspace.work, file ?? name);
      const mediaType = contentType ? { mediaType: contentType } : {};
      await job.artifact(name, { file: whole }, { stepIndex, ...mediaType });
    });
  };
  const provenance = (line: unknown): void => {
    const { name, digest, path: file, mediaType } = ProvenanceLine.parse(line);
    send(`provenance of "${name}" is not kept`, async () => {
      const whole = await insideOf(workspace.work, file);
      const subjectDigest = digest.replace(/^.*:/, '');
      const said = { subjectName: name, subjectDigest, mediaType: mediaType ?? attestation };
      await job.provenance(said, { file: whole });
    });
  };
  const secret = (line: string): void => {
    const [name, value] = outputOf(line) ?? [];
    if (name === undefined || value === undefined) return;
    mask.add([value]);
    registerSecretValues(value);
    secretOutputs[name] = value;
  };

  const fileOf = (word: string): Readonly<{ path: string; file: GrowingFile }> => {
    const whole = path.join(workspace.files, `${word}-${stepIndex}`);
    return { path: whole, file: growingFile(whole) };
  };
  const emits = fileOf('emit');
  const usage = fileOf('usage');
  const work = fileOf('work');
  const artifacts = fileOf('artifacts');
  const provenances = fileOf('provenance');
  const secrets = fileOf('secret-output');

  const each = (what: string, lines: readonly string[], take: (value: unknown) => void): void => {
    for (const line of lines) {
      if (line.trim() === '') continue;
      try {
        take(JSON.parse(line));
      } catch (error) {
        complain(`a line of ${what} is not understood: ${safeError(error).message}`);
      }
    }
  };
  const readSecrets = (lines: readonly string[]): void => {
    for (const line of lines) secret(line);
    // Half a line may be shown already, though it is no output yet.
    const [, open] = outputOf(secrets.file.open) ?? [];
    if (open !== undefined) mask.add([open]);
  };
  const readAll = (linesOf: (file: GrowingFile) => readonly string[]): void => {
    readSecrets(linesOf(secrets.file));
    each('WAYBILL_EMIT', linesOf(emits.file), emit);
    each('WAYBILL_ARTIFACTS', linesOf(artifacts.file), artifact);
    each('WAYBILL_PROVENANCE', linesOf(provenances.file), provenance);
    each('WAYBILL_WORK', linesOf(work.file), (line) => sayWork(job, hideIn(mask, line)));
    const entries: unknown[] = [];
    each('WAYBILL_USAGE', linesOf(usage.file), (line) => void entries.push(hideIn(mask, line)));
    sayUsage(job, stepIndex, entries, complain);
  };
  const unasked = mask.ask(() => readSecrets(secrets.file.read()));
  const poll = o.clock.every(pollMs, () => readAll((file) => file.read()));

  return {
    variables: {
      WAYBILL_EMIT: emits.path,
      WAYBILL_USAGE: usage.path,
      WAYBILL_WORK: work.path,
      WAYBILL_ARTIFACTS: artifacts.path,
      WAYBILL_PROVENANCE: provenances.path,
      WAYBILL_SECRET_OUTPUT: secrets.path,
    },
    end: async () => {
      poll.cancel();
      unasked();
      readAll((file) => file.end());
      await sent;
      return { failures, secretOutputs };
    },
  };
}

/** The file, which lies in the folder whatever links say. */
async function insideOf(folder: string, file: string): Promise<string> {
  const whole = await realpath(path.resolve(folder, file)).catch(() => undefined);
  if (whole === undefined) throw new Error('there is no such file');
  const relative = path.relative(await realpath(folder), whole);
  if (relative.startsWith('..') || path.isAbsolute(relative))
    throw new Error('the file is not in the workspace');
  if (!(await stat(whole)).isFile()) throw new Error('it is no file');
  return whole;
}
