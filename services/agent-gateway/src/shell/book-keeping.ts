/**
 * What the gateway knows, saved with the places in the log up to which it knows it, so that its next start reads on from there: the
 * book of custody, and the sessions that its processes have left open.
 */
import type { Journal, Positions } from '@waybill/journal';
import { type Clock, type Logger, milestone } from '@waybill/process';
import { gatewayId } from '@waybill/protocol';
import type { BookedRun, CustodyBook } from '../domain/custody.ts';
import { limits } from '../domain/limits.ts';
import type { OpenSession, OpenSessions } from '../domain/open-session.ts';

type Kept = Readonly<{ book: CustodyBook; sessions: OpenSessions }>;
type Deps = Kept &
  Readonly<{
    journal: Pick<Journal, 'saveSnapshot' | 'loadSnapshot'>;
    /** As `<id>/<start>`. */
    gateway: string;
    log: Logger;
  }>;

export type BookKeeping = Readonly<{
  save(): Promise<void>;
  stop(): void;
}>;

/** Raised with every change of what is kept and of what is read to know it. */
const BOOK_VERSION = 1;
const linesAtOnce = 500;

const nameOf = (gateway: string): string => `gateway.${gatewayId(gateway)}`;

/** Resolves with how far it reaches. */
export async function restoreBook({
  journal,
  book,
  sessions,
  gateway,
  log,
}: Deps): Promise<Positions> {
  const snapshot = await journal.loadSnapshot(nameOf(gateway), BOOK_VERSION);
  if (snapshot === undefined) return {};
  let lines = 0;
  for await (const line of linesOf(snapshot.parts)) {
    // Written below by this same version, and kept behind a digest.
    const kept = JSON.parse(line) as Readonly<{ run: BookedRun } | { session: OpenSession }>;
    if ('run' in kept) book.restore(kept.run);
    else sessions.restore(kept.session);
    lines += 1;
  }
  log.info({ lines, ...book.size() }, 'the book of custody is restored');
  return snapshot.positions;
}

export function startBookKeeping(
  deps: Deps & Readonly<{ clock: Clock; positions: () => Positions }>,
): BookKeeping {
  const { journal, gateway, clock, log } = deps;
  let saved = '';
  let saving: Promise<void> | undefined;

  const write = async (): Promise<void> => {
    // Taken before the content: what is kept may be ahead of its places, never behind them.
    const positions = deps.positions();
    const places = JSON.stringify(positions);
    if (places === saved || places === '{}') return;
    await journal.saveSnapshot(nameOf(gateway), {
      positions,
      foldVersion: BOOK_VERSION,
      parts: partsOf(deps),
    });
    saved = places;
    milestone('snapshot.saved', { gateway });
  };
  const save = async (): Promise<void> => {
    await saving;
    saving = write()
      .catch((error: unknown) => log.warn({ err: error }, 'the book of custody was not saved'))
      .finally(() => {
        saving = undefined;
      });
    await saving;
  };
  const timer = clock.every(limits.saveMs, () => void save(), { background: true });
  return { save, stop: timer.cancel };
}

const encoder = new TextEncoder();

function partsOf({ book, sessions }: Kept): Iterable<Uint8Array> {
  const kept = [
    ...sessions.all().map((session) => ({ session })),
    ...[...book.runs()].map((run) => ({ run })),
  ];
  return batches(kept);
}

function* batches(kept: readonly object[]): Generator<Uint8Array> {
  for (let at = 0; at < kept.length; at += linesAtOnce) {
    const lines = kept.slice(at, at + linesAtOnce).map((each) => `${JSON.stringify(each)}\n`);
    yield encoder.encode(lines.join(''));
  }
}

async function* linesOf(parts: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const part of parts) {
    const lines = (rest + decoder.decode(part, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
}
