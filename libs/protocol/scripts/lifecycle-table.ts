/** What the fold makes of every event in every state of a job, computed by the fold itself. */
import { evolveRun, wasVoid } from '../src/run.ts';
import { JobState } from '../src/states.ts';
import type { Void } from '../src/void.ts';
import { decisionCases } from './lifecycle-decision-cases.ts';
import { factCases } from './lifecycle-fact-cases.ts';
import type { Case } from './lifecycle-givens.ts';
import { notesOf } from './lifecycle-notes.ts';
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

const OVER = 'of an attempt that is over';
/** A queued job may have attempts behind it; the last one is spoken of. */
const ofPast = ({ when, given, tell }: Case): Case => ({
  when: when === '' ? OVER : `${when}, ${OVER}`,
  given: {
    ...given,
    then: (scene) => {
      scene.offered(1, 7);
      scene.expired(1);
    },
  },
  tell,
});

export const happenings: readonly Happening[] = JobState.options.flatMap((from) =>
  eventTypes.flatMap((type) =>
    cases[type]
      .filter(({ only }) => only === undefined || only.includes(from))
      .flatMap((each) => {
        const usual = happeningOf(from, type, each);
        return from === 'queued' && usual.why === 'stale-attempt'
          ? [usual, happeningOf(from, type, ofPast(each))]
          : [usual];
      }),
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

/** The reasons where the event is void whatever the case; undefined where it is not. */
export function alwaysVoid(from: JobState, type: JobEventType): readonly Void[] | undefined {
  const reasons = happenings
    .filter((each) => each.from === from && each.type === type)
    .map(({ why }) => why);
  const found = reasons.filter((why) => why !== undefined);
  return found.length === reasons.length ? [...new Set(found)] : undefined;
}
