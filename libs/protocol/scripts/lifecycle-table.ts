/** What the fold makes of every event in every state of a job, computed by the fold itself. */
import { currentAttempt, type Job, offersSpent, retriesUsed } from '../src/job.ts';
import { evolveRun, wasVoid } from '../src/run.ts';
import { JobState } from '../src/states.ts';
import type { Void } from '../src/void.ts';
import { decisionCases } from './lifecycle-decision-cases.ts';
import { factCases } from './lifecycle-fact-cases.ts';
import type { Case } from './lifecycle-givens.ts';
import { foldedBefore, jobOf, sceneOf } from './lifecycle-scene.ts';
import { stopCases } from './lifecycle-stop-cases.ts';

const cases = { ...decisionCases, ...stopCases, ...factCases };
export type JobEventType = keyof typeof cases;

export type Happening = Readonly<{
  from: JobState;
  type: JobEventType;
  when: string;
  /** Undefined where the event is void. */
  to: JobState | undefined;
  why: Void | undefined;
  /** What else has changed, in words. */
  notes: readonly string[];
}>;

export const eventTypes = Object.keys(cases) as readonly JobEventType[]; // the keys of a record of these types

export const happenings: readonly Happening[] = JobState.options.flatMap((from) =>
  eventTypes.flatMap((type) =>
    cases[type]
      .filter(({ only }) => only === undefined || only.includes(from))
      .map((each) => happeningOf(from, type, each)),
  ),
);

function happeningOf(
  from: JobState,
  type: JobEventType,
  { when, given = {}, tell }: Case,
): Happening {
  const scene = sceneOf(from, given);
  tell(scene);
  const { run, event } = foldedBefore(scene, from);
  if (event.type !== type) throw new Error(`the case of ${type} tells of ${event.type}`);
  const after = evolveRun(run, event);
  const isVoid = wasVoid(after, event.seq);
  const was = jobOf(run);
  const is = jobOf(after);
  return {
    from,
    type,
    when,
    to: isVoid ? undefined : is.state,
    why: isVoid ? after.lastVoid?.why : undefined,
    notes: isVoid ? [] : notesOf(was, is),
  };
}

/** What a reader of the run would see beside the state. */
function notesOf(was: Job, is: Job): readonly string[] {
  const before = currentAttempt(was);
  const now = currentAttempt(is);
  const isNew = is.attempts.length > was.attempts.length;
  const notes: string[] = [];
  const say = (is: boolean, text: string): void => void (is && notes.push(text));
  say(isNew, `attempt ${now?.attempt}`);
  const resolution = isNew || before?.resolution === now?.resolution ? null : now?.resolution;
  say(resolution != null, `the offer is \`${resolution}\``);
  say(offersSpent(is) > offersSpent(was), 'costs an offer');
  say(is.unspent.busy + is.unspent.lapsed > was.unspent.busy + was.unspent.lapsed, 'costs nothing');
  say(retriesUsed(is) > retriesUsed(was), 'to be done again');
  say(is.workedUntil > was.workedUntil, 'not before the lease of its agent is over');
  say(
    is.state === 'queued' &&
      was.state !== 'queued' &&
      is.workedUntil === was.workedUntil &&
      is.notBefore > (is.queuedAt ?? 0),
    'after a backoff',
  );
  say(is.failure !== was.failure && is.failure !== null, `\`${is.failure}\``);
  if (isNew || before === undefined || now === undefined) return notes;
  say(before.session !== now.session, 'on the new session');
  say(now.until > before.until, 'a later deadline of the answer');
  say(before.recoverUntil === null && now.recoverUntil !== null, 'has its time to come back');
  say(
    before.recoverUntil !== null && (now.recoverUntil ?? 0) > before.recoverUntil,
    'more time to come back',
  );
  say(before.stop?.force !== true && now.stop?.force === true, 'forced');
  say(before.stop === null && now.stop?.force === false, 'has its grace');
  say(
    !before.away && now.away && now.outcome === null && is.state !== 'recovering',
    'its agent is away',
  );
  say(was.cancel === null && is.cancel !== null && now.outcome === null, 'it is to be stopped');
  say(was.cancel?.force === false && is.cancel?.force === true, 'it is to be forced');
  say(before.waitingSince === null && now.waitingSince !== null, 'its clock stands still');
  say(
    before.waitingSince !== null && now.waitingSince === null && now.outcome === null,
    'its clock goes on',
  );
  return notes;
}

/** Whether the event is void whatever the case, for one and the same reason. */
export function alwaysVoid(from: JobState, type: JobEventType): Void | undefined {
  const [first, ...others] = happenings.filter((each) => each.from === from && each.type === type);
  return first?.why !== undefined && others.every(({ why }) => why === first.why)
    ? first.why
    : undefined;
}
