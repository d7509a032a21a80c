/**
 * The people of a world: whoever is asked for an approval says something sooner or later, or nothing at all. Their words are facts
 * as the api stores them, whatever has become of the approval by then; now and then somebody speaks up who was not asked.
 */
import { type Journal, openJournal } from '@waybill/journal';
import { type Clock, isOutage, type Logger } from '@waybill/process';
import { type Approval, type BodyOf, isOpenApproval, runDraft } from '@waybill/protocol';
import { ORG } from './client.ts';
import type { Observer } from './observer.ts';
import type { Random } from './random.ts';

/** Of no team, and asked by nobody who wants an answer. */
export const nobody = 'nobody';
const latestMs = 20_000;

type Options = Readonly<{ clock: Clock; log: Logger; observer: Observer; random: Random }>;
type Word = Omit<BodyOf<'approval.answered'>, 'approvalId'>;

export async function startPeople({ clock, log, observer, random }: Options): Promise<void> {
  const asked = new Set<string>();
  const opening = opened(clock, log);
  let words = 0;

  const say = async (runId: string, jobId: string, id: string, word: Word): Promise<void> => {
    words += 1;
    const meta = { id: `${id}:said:${words}`, source: '/waybill/api', jobId };
    const body = { approvalId: id, ...word };
    const draft = runDraft({ org: ORG, runId, type: 'approval.answered', meta, body });
    const journal = await opening;
    while ((await journal.append(draft)).outcome === 'unknown') await clock.sleep(500);
  };
  observer.onMoment(({ event, after, isVoid }) => {
    if (isVoid) return;
    for (const { spec, approvals } of after.jobs)
      for (const approval of approvals) {
        if (asked.has(approval.id) || !isOpenApproval(approval)) continue;
        asked.add(approval.id);
        for (const word of wordsAbout(approval, random))
          clock.after(
            random.between(50, latestMs),
            () => void say(event.runId, spec.jobId, approval.id, word),
          );
      }
  });
  await opening;
}

function wordsAbout({ clauses }: Approval, random: Random): readonly Word[] {
  const stranger: Word = { by: 'eve', teams: ['dev'], decision: 'reject' };
  const strangers = clauses.length > 0 && random.chance(0.3) ? [stranger] : [];
  const roll = random.next();
  if (roll < 0.15) return strangers;
  const ada: Word = { by: 'ada', teams: [], decision: roll < 0.35 ? 'reject' : 'approve' };
  const bob: Word = { by: 'bob', teams: ['ops'], decision: 'approve' };
  const again = random.chance(0.3) ? [ada] : [];
  return [...strangers, ada, bob, ...again];
}

/** However long the log is away. */
async function opened(clock: Clock, log: Logger): Promise<Journal> {
  for (;;) {
    try {
      return await openJournal({ nats: { url: 'nats://127.0.0.1' }, name: 'people', clock, log });
    } catch (error) {
      if (!isOutage(error)) throw error;
    }
  }
}
