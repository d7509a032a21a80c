/**
 * Notices that the process which started the runner is gone, however it died: the IPC channel to it breaks, or where
 * there is none, the pipe on standard input ends.
 */
import type { Part } from '@waybill/process';

/** What of `process` is used here. */
export type ParentLink = Readonly<{
  connected?: boolean | undefined;
  once(event: 'disconnect', listener: () => void): unknown;
  stdin: Readonly<{
    once(event: 'end' | 'close' | 'error', listener: () => void): unknown;
    resume(): unknown;
  }>;
}>;

export class ParentGone extends Error {
  override readonly name = 'ParentGone';
  readonly code = 'parent-gone';

  constructor() {
    super('the process that started this runner is gone');
  }
}

/** `onGone` comes before the part reports its failure, which ends the process. */
export function parentWatch(parent: ParentLink, onGone: () => void): Part {
  let watching = true;
  return {
    name: 'parent watch',
    start: async (_signal, fail) => {
      const gone = (): void => {
        if (!watching) return;
        watching = false;
        onGone();
        fail(new ParentGone());
      };
      if (parent.connected === false) throw new ParentGone();
      if (parent.connected === true) parent.once('disconnect', gone);
      else {
        for (const event of ['end', 'close', 'error'] as const) parent.stdin.once(event, gone);
        parent.stdin.resume();
      }
    },
    stop: async () => {
      watching = false;
    },
  };
}
