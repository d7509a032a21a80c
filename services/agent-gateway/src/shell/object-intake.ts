/**
 * What agents store and fetch beside the log: places to upload to, what was uploaded verified and made to stand, caches found
 * again. Bound to the attempt that asks and its fence. Every request is answered in time, with nothing where there is no storage;
 * what stands in the end has its fact, however long that took.
 */
import type { ObjectEntry, ObjectName, Objects, Owner } from '@waybill/objects';
import { type Clock, isOutage, type Logger } from '@waybill/process';
import {
  artifactUri,
  cacheObject,
  type Draft,
  parseWireJobId,
  type RunCreated,
  type wire,
} from '@waybill/protocol';
import type { Custody, CustodyBook } from '../domain/custody.ts';
import type { Spoken } from '../domain/fact.ts';
import { limits } from '../domain/limits.ts';
import {
  isObjectCompletion,
  isObjectRequest,
  type ObjectCompletion,
  type ObjectFrame,
  type ObjectRequest,
  objectOf,
  restoredFact,
  saidOf,
  storedFact,
  uploadAnswer,
} from '../domain/object-request.ts';
import { replyTo } from '../domain/reply.ts';
import { standingOf } from '../domain/speaker.ts';
import type { Completions } from './completions.ts';
import type { FactWriter } from './fact-writer.ts';
import type { Seat } from './registry.ts';
import type { RunHistory } from './run-history.ts';

export type ObjectIntake = Readonly<{
  take(seat: Seat, message: ObjectFrame, spoken: Spoken): Promise<void> | undefined;
}>;

type Deps = Readonly<{
  /** Undefined where nothing is stored. */
  objects: Objects | undefined;
  book: CustodyBook;
  facts: FactWriter;
  history: RunHistory;
  completions: Completions;
  clock: Clock;
  log: Logger;
}>;

/** Whoever asks, for which attempt, in which run. */
type Asker = Readonly<{ spoken: Spoken; custody: Custody; run: RunCreated; objects: Objects }>;
/** What is stored in the run, then answered. */
type Done = Readonly<{ fact?: Draft; answer?: wire.OrchestratorMessage | undefined }>;

const AWAY = 'there is no storage, or it does not answer';
const TAKEN = 'another job of the run, or this attempt, has left an artifact of that name';

const ownerOf = ({ runId, jobId, attempt, fence }: Custody): Owner => ({
  runId,
  jobId,
  attempt,
  fence,
});

export function openObjectIntake(deps: Deps): ObjectIntake {
  const { objects, book, facts, history, completions, clock, log } = deps;

  const done = async (
    message: ObjectFrame,
    custody: Custody,
    spoken: Spoken,
  ): Promise<Done | undefined> => {
    const { org, runId, fence } = custody;
    // From the log: what its agent says of the run does not count.
    const run = (await history.judge({ org, runId }, fence)).run.created;
    if (run === null || objects === undefined) return undefined;
    const asker = { spoken, custody, run, objects };
    if (isObjectRequest(message)) return { answer: await placeFor(asker, message, history) };
    return isObjectCompletion(message) ? committed(asker, message, log) : restored(asker, message);
  };

  /** Undefined where storage is away. */
  const unlessAway = (work: Promise<Done | undefined>): Promise<Done | undefined> =>
    work.catch((error: unknown) => {
      if (!isOutage(error)) log.error({ err: error }, 'something about an object failed');
      return undefined;
    });
  /** An agent waits no longer; the work goes on. */
  const inTime = async <T>(ms: number, work: Promise<T>): Promise<T | 'late'> => {
    const late = Promise.withResolvers<'late'>();
    const timer = clock.after(ms, () => late.resolve('late'));
    try {
      return await Promise.race([work, late.promise]);
    } finally {
      timer.cancel();
    }
  };
  const tell = async (seat: Seat, { fact, answer }: Done): Promise<void> => {
    if (fact !== undefined) await facts.store(fact);
    if (answer !== undefined) seat.send(answer);
  };

  /** Settles when nothing of it is under way any more, so that a socket owes what it has begun. */
  const work = async (
    seat: Seat,
    message: ObjectFrame,
    custody: Custody,
    spoken: Spoken,
  ): Promise<void> => {
    const { jobId } = custody;
    const away = { answer: replyTo(message, AWAY) };
    const working = unlessAway(done(message, custody, spoken));
    let isLate = false;
    await completions.add(
      jobId,
      () => inTime(limits.objectAnswerMs, working),
      (found) => {
        isLate = found === 'late';
        return tell(seat, found === 'late' ? away : (found ?? away));
      },
    );
    const found = isLate ? await working : undefined;
    // A place or a cache that nobody waits for is none; what was committed stands, and what its fact is worth the fold judges.
    if (found?.fact !== undefined && isObjectCompletion(message))
      await facts.within(jobId, () => tell(seat, found));
  };

  const refuse = (seat: Seat, message: ObjectFrame): void => {
    const reply = replyTo(message);
    if (reply !== undefined) seat.send(reply);
  };

  return {
    take: (seat, message, spoken) => {
      const standing = standingOf(book, seat.who, message);
      const { type, jobId } = message;
      if (standing.kind === 'current') return work(seat, message, standing.custody, spoken);
      if (standing.kind === 'foreign')
        seat.violation('foreign-job', `${type}: ${standing.detail}`, { frame: type, jobId });
      const runId = parseWireJobId(jobId)?.runId;
      if (runId !== undefined) seat.stray({ runId, jobId });
      refuse(seat, message);
      return undefined;
    },
  };
}

async function placeFor(
  asker: Asker,
  message: ObjectRequest,
  history: RunHistory,
): Promise<wire.OrchestratorMessage | undefined> {
  const name = objectOf(message, asker.run, asker.custody);
  if (name === undefined) return replyTo(message, AWAY);
  if (message.type === 'artifact.upload.request' && (await isTaken(asker, message.name, history)))
    return replyTo(message, TAKEN);
  const url = await urlFor(asker, name);
  if (url !== 'exists') return url === '' ? replyTo(message, AWAY) : uploadAnswer(message, url);
  if (message.type === 'cache.user.save.request')
    return { type: 'cache.user.save.response', requestId: message.messageId, skip: true };
  if (message.type === 'artifact.upload.request') return replyTo(message, TAKEN);
  // Agents that exist fail over an empty address, and nothing is wrong: what they put here is never committed, and swept.
  const aside = `${name.name.slice(0, 512)}.again-${asker.custody.fence}`;
  const asideUrl = await urlFor(asker, { ...name, name: aside });
  return uploadAnswer(message, asideUrl === 'exists' ? '' : asideUrl);
}

/** `exists` where the name is taken, and empty where there is no place. */
async function urlFor({ objects, custody }: Asker, name: ObjectName): Promise<string> {
  const made = await objects.beginUpload(name, ownerOf(custody));
  if ('refusal' in made) return made.refusal === 'exists' ? 'exists' : '';
  return made.url;
}

async function isTaken({ custody }: Asker, name: string, history: RunHistory): Promise<boolean> {
  const { jobs } = await history.current(custody);
  return jobs.some(
    ({ spec, artifacts }) =>
      spec.jobId !== custody.jobId && artifacts.some((artifact) => artifact.name === name),
  );
}

async function committed(
  { objects, run, custody, spoken }: Asker,
  message: ObjectCompletion,
  log: Logger,
): Promise<Done> {
  const name = objectOf(message, run, custody);
  const { runId, jobId } = custody;
  const kept =
    name === undefined
      ? ({ refusal: 'no-upload' } as const)
      : await objects.commit(name, ownerOf(custody), saidOf(message));
  const { messageId: requestId, type } = message;
  if ('refusal' in kept || name === undefined) {
    const refusal = 'refusal' in kept ? kept.refusal : 'no-upload';
    log.info({ runId, jobId, type, refusal }, 'an upload is not kept');
    return { answer: replyTo(message, `the artifact is not kept: ${refusal}`) };
  }
  const fact = storedFact(message, name, kept, custody, spoken);
  if (message.type !== 'artifact.upload.complete') return { fact };
  const uri = artifactUri(runId, message.name);
  return { fact, answer: { type: 'artifact.upload.result', requestId, uri } };
}

async function restored(asker: Asker, message: wire.CacheUserRestoreRequest): Promise<Done> {
  const { objects, custody, spoken } = asker;
  const entry = await restorable(asker, message);
  const fact = restoredFact(message, entry?.name ?? null, custody, spoken);
  const answer = { type: 'cache.user.restore.response', requestId: message.messageId } as const;
  if (entry === undefined) return { fact, answer: { ...answer, hit: false } };
  const { name: matchedKey, sha256: tarHash } = entry;
  const downloadUrl = await objects.downloadUrl(entry);
  return { fact, answer: { ...answer, hit: true, matchedKey, downloadUrl, tarHash } };
}

/** The exact key, else the newest that begins with the first prefix that any does. */
async function restorable(
  { objects, run }: Asker,
  { key, restoreKeys = [] }: wire.CacheUserRestoreRequest,
): Promise<ObjectEntry | undefined> {
  const { name: _name, ...scope } = cacheObject(run, 'cache', key);
  const exact = await objects.find({ ...scope, name: key });
  if (exact !== undefined) return exact;
  for (const prefix of restoreKeys.slice(0, limits.restoreKeysMax)) {
    const newest = await objects.newest(scope, prefix);
    if (newest !== undefined) return newest;
  }
  return undefined;
}
