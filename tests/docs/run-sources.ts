/** What becomes of runs and jobs, in the words of the fold, of the SDK and of our runner. */
import { voidReasons, wire } from '@waybill/protocol';
import { codes, given, mayBe, type Source, texts } from './source.ts';
import { captures, membersOf, textsAfter, textsLike, textsOfCalls } from './source-search.ts';

const unsent = membersOf('services/agent-gateway/src/shell/offer-frame.ts', 'UnsentCause =');

export const runs: readonly Source[] = [
  codes('Why a job waits', captures(['libs/protocol/src/blocked-by.ts'], /\bbecause\(\s*'(\w+)'/g)),
  codes('How an offer ended', membersOf('libs/protocol/src/attempt.ts', 'Resolution =')),
  codes('How an offer ended', given(wire.WireRejectReason.options), 1),
  codes(
    'How an offer ended',
    captures(
      ['libs/protocol/src/job-decision.ts', 'libs/protocol/src/job-fact.ts'],
      /\b(?:resolution: '\w+', cause: |givenUp\(job, )'(\w+)'/g,
    ),
    1,
  ),
  codes('How an offer ended', unsent, 1),
  codes('Why a job failed', unsent),
  codes(
    'Why a job failed',
    captures(
      ['libs/protocol/src/'],
      /\b(?:failure: |givenUp\(job, |ended\([^;]*?, )'((?!drift_)[a-z]+_[a-z_]+)'/g,
    ),
  ),
  codes('Why a job failed', textsOfCalls(['libs/agent/', 'apps/runner/'], /\bnew JobAborted/, 0)),
  codes('Why a job failed', membersOf('libs/agent/src/job-handle.ts', 'AbortCode =')),
  codes(
    'Why a job failed',
    captures(['libs/agent/src/'], /readonly code = '(not_granted)'|: '(agent_\w+)';/g),
  ),
  codes(
    'Why a job failed',
    captures(
      ['apps/runner/src/'],
      /\b(?:reason(?:: | = [^;]*?)|code: |ended\()'([a-z]+_[a-z_]+)'/g,
    ),
  ),
  codes('Why a job failed', captures(['apps/runner/src/step-sequence.ts'], /\? '(step_\w+)' :/g)),
  codes('Why a job failed', captures(['apps/runner/src/step-sequence.ts'], /: '(step_\w+)', why/g)),
  // Those with a space are words and not reasons.
  texts('Words of a job', (tree) =>
    textsOfCalls(['libs/protocol/src/'], /\bended/, 3)(tree).filter((text) => text.includes(' ')),
  ),
  texts('Words of a job', textsOfCalls(['libs/agent/', 'apps/runner/'], /\bnew JobAborted/, 1)),
  texts('Words of a job', textsOfCalls(['libs/agent/'], /\bnew NotGranted/, 0)),
  texts('Words of a job', textsAfter(['libs/agent/src/taken-job.ts'], /\bwhy = /)),
  texts('Words of a job', textsOfCalls(['apps/runner/src/time-limit.ts'], /\bsuper/, 0)),
  texts('Words of a job', textsAfter(['apps/runner/src/'], /\bmessage: (?=[`'])/)),
  texts('Words of a job', textsLike(['apps/runner/src/checkout.ts'], /^git could|^repoUrl, /)),
  texts('Words of a job', textsOfCalls(['apps/runner/src/job-run.ts'], /\bjob\.log/, 1)),
  mayBe(texts('Words of a job', textsOfCalls(['apps/runner/src/'], /\bsay/, 0))),
  codes('Anomalies', given(voidReasons)),
];
