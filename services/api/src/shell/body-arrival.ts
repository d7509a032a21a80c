/** How the bytes of a request come: within their time, or thrown away for a while where nobody wants them. */
import type { IncomingMessage } from 'node:http';
import { type Clock, Outage } from '@waybill/process';
import type { ApiContext } from './api-context.ts';

/** Most producers read no answer before they have sent everything; closing on them would look like a broken line. */
export async function discarded(
  request: IncomingMessage,
  { clock, bounds }: Pick<ApiContext, 'clock' | 'bounds'>,
): Promise<void> {
  if (request.readableEnded || request.destroyed) return;
  const gone = Promise.withResolvers<void>();
  const late = clock.after(bounds.discardMs, gone.resolve);
  for (const event of ['end', 'close', 'error']) request.once(event, () => gone.resolve());
  request.resume();
  await gone.promise;
  late.cancel();
}

/** The connection of a body that has not come by then is cut. */
export function bodyArrives(request: IncomingMessage, withinMs: number, clock: Clock): void {
  const { headers } = request;
  const length = headers['content-length'] ?? '0';
  if (headers['transfer-encoding'] === undefined && length === '0') return;
  const late = clock.after(withinMs, () => request.destroy(), { background: true });
  for (const event of ['end', 'close'] as const) request.once(event, late.cancel);
}

export class BodyStalled extends Outage {
  constructor() {
    super('upload-stalled', 'a body stood still or took too long');
  }
}

type Pace = Readonly<{ stallMs: number; withinMs: number; clock: Clock }>;

/** The bytes as they come; throws `BodyStalled` when none come for a while, or not all of them within their time. */
export async function* paced(
  request: IncomingMessage,
  { stallMs, withinMs, clock }: Pace,
): AsyncGenerator<Uint8Array> {
  const endsAtMs = clock.monotonicMs() + withinMs;
  const chunks: AsyncIterator<Uint8Array> = request.iterator({ destroyOnReturn: false });
  try {
    for (;;) {
      // A new one for each chunk: one that outlives them would hold on to every chunk it was raced with.
      const stalled = Promise.withResolvers<never>();
      const waitMs = Math.min(stallMs, endsAtMs - clock.monotonicMs());
      const silent = clock.after(waitMs, () => stalled.reject(new BodyStalled()), {
        background: true,
      });
      const next = await Promise.race([chunks.next(), stalled.promise]).finally(silent.cancel);
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    // Lets go of the stream, so that somebody may throw the rest away. Not awaited: it waits for a chunk that is asked for.
    void chunks.return?.();
  }
}
