import { afterAll, beforeAll, describe } from 'vitest';
import { askingProofs } from './asking-proofs.ts';
import { dispatchProofs } from './dispatch-proofs.ts';
import { openWorld, type World } from './field-world.fixture.ts';
import { jobProofs } from './job-proofs.ts';
import { objectProofs } from './object-proofs.ts';
import { sessionProofs } from './session-proofs.ts';
import { stepProofs } from './step-proofs.ts';
import { workProofs } from './work-proofs.ts';

describe('every field of the protocol, over a real socket', { timeout: 60_000 }, () => {
  let world: World | undefined;
  const open = (): World => {
    if (world === undefined) throw new Error('the world is not open');
    return world;
  };

  beforeAll(async () => {
    world = await openWorld();
  }, 120_000);
  afterAll(() => world?.close(), 60_000);

  sessionProofs(open);
  dispatchProofs(open);
  jobProofs(open);
  stepProofs(open);
  workProofs(open);
  askingProofs(open);
  objectProofs(open);
});
