/**
 * What a check is and how it ends. A check is one claim about the other side with the section of the protocol that it goes back
 * to; it passes by returning, and says by what it throws that it has failed or could not be made.
 */
import type { RecordedFrame } from './recorded-frame.ts';

/** `seed`: the published protocol. `waybill`: its extensions too. */
export type Profile = 'seed' | 'waybill';

export type Check<Trial> = Readonly<{
  /** In kebab-case; names the check for `--only`. */
  name: string;
  claim: string;
  /** Title of the section of the protocol's documents. */
  section: string;
  /** Absent: of every profile. */
  profile?: 'waybill';
  /** What takes so long that it is done only when asked for. */
  slow?: string;
  /** Resolves with what was seen where nothing is demanded, only told. */
  run(trial: Trial): Promise<string | void>;
}>;

export type CheckState = 'pass' | 'fail' | 'skipped' | 'info';

export type CheckResult = Readonly<{
  name: string;
  claim: string;
  section: string;
  state: CheckState;
  /** Why it failed or was skipped, or what was seen. */
  why?: string;
  /** The frame that was wrong, without secrets. */
  frame?: string;
  durationMs: number;
}>;

export class CheckFailed extends Error {
  override readonly name = 'CheckFailed';
  readonly frame: RecordedFrame | undefined;

  constructor(why: string, frame?: RecordedFrame) {
    super(why);
    this.frame = frame;
  }
}

/** Nothing is known: what the check needs is not there. */
export class CheckSkipped extends Error {
  override readonly name = 'CheckSkipped';
}

export function fail(why: string, frame?: RecordedFrame): never {
  throw new CheckFailed(why, frame);
}

export function skip(reason: string): never {
  throw new CheckSkipped(reason);
}
