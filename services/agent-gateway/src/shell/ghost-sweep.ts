/**
 * Ends the sessions of this gateway's predecessor before anybody is let in, so that no dispatcher offers work to a socket that
 * is gone and the runs on it begin to wait for their agents' return.
 */
import { type Journal, refuseNewer } from '@waybill/journal';
import type { Logger } from '@waybill/process';
import { allSubjects, readAgentMessage } from '@waybill/protocol';
import { foldGhosts, type Ghosts, noGhosts } from '../domain/ghost.ts';
import type { Identity } from '../domain/speaker.ts';
import { leave } from './departure.ts';
import type { FactWriter } from './fact-writer.ts';
import type { Reconciliation } from './reconciliation.ts';

type Deps = Readonly<{
  journal: Pick<Journal, 'replay'>;
  facts: FactWriter;
  reconciliation: Reconciliation;
  gateway: string;
  log: Logger;
}>;

const batchMax = 500;
const atOnceMax = 16;

/** Resolves with how many there were, once all of them are ended in the log. */
export async function sweepGhosts({
  journal,
  facts,
  reconciliation,
  gateway,
  log,
}: Deps): Promise<number> {
  let ghosts: Ghosts = noGhosts;
  await journal.replay({
    stream: 'WB_AGENTS',
    filter: allSubjects.agents,
    batchMax,
    onBatch: (messages) => {
      const events = messages.flatMap((message) => {
        const event = readAgentMessage(message);
        if (event?.type === 'unreadable') refuseNewer(message, event.problem, log);
        return event === undefined ? [] : [event];
      });
      ghosts = foldGhosts(ghosts, events, gateway);
    },
  });
  const end = (who: Identity): Promise<void> =>
    leave({ gateway, facts, reconciliation }, who, { code: 1006, reason: 'gateway_restarted' });
  const left = [...ghosts.values()];
  for (let at = 0; at < left.length; at += atOnceMax)
    await Promise.all(left.slice(at, at + atOnceMax).map(end));
  if (left.length > 0)
    log.info({ sessions: left.length }, 'ended the sessions of an earlier process of this gateway');
  return left.length;
}
