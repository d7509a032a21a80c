/** Strays in the story of a run: what was put past every expectation is void, and no mistake of a decider. */
import type { RunStory } from '../support/run-story.ts';

export const strayPrefix = 'stray:';

export const withoutStrays = (story: RunStory): RunStory => ({
  ...story,
  moments: story.moments.filter(
    ({ event, isVoid }) => !(isVoid && event.id.startsWith(strayPrefix)),
  ),
});

/** Without decisions that no expectation could have stopped: heartbeats lie in another stream than the run. */
export const withoutOutdated = (story: RunStory): RunStory => ({
  ...story,
  moments: story.moments.filter(
    ({ after, isVoid }) => !(isVoid && after.lastVoid?.why === 'outdated'),
  ),
});

/** Without what people said, which names no agent and no session. */
export const withoutPeople = (story: RunStory): RunStory => ({
  ...story,
  moments: story.moments.filter(
    ({ event }) => event.type !== 'cancel.requested' && event.type !== 'approval.answered',
  ),
});
