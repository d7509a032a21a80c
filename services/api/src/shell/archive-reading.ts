/**
 * Archives that are read page by page: who asks for the next page goes on where the last one has ended, because from its beginning
 * a long archive would be read once for every page of it. Bounded in number and time; what is given up is begun again.
 */
import { type ObjectEntry, type Objects, unarchived } from '@waybill/objects';
import type { Clock } from '@waybill/process';
import type { LogView } from '@waybill/protocol';

export type ArchiveReader = Readonly<{ objects: Pick<Objects, 'read'>; clock: Clock }>;

type Reading = Readonly<{
  /** Read and not told yet. */
  ahead: readonly LogView[];
  views: AsyncGenerator<LogView>;
}>;
type Kept = Reading & Readonly<{ take: () => void; giveUp: () => void }>;

/** Each holds a few pages of the archive in memory. */
const readingsMax = 8;
const idleMs = 15_000;

const readings = new WeakMap<ArchiveReader['objects'], Map<string, Kept>>();

/** Of the chunks behind a sequence, the first so many; fewer at the end. */
export async function archivePage(
  api: ArchiveReader,
  archive: ObjectEntry,
  max: number,
  afterSeq: number,
): Promise<readonly LogView[]> {
  const { ahead, views } = taken(api, archive, afterSeq) ?? {
    ahead: [],
    views: unarchived(await api.objects.read(archive)),
  };
  const found = ahead.filter(({ seq }) => seq > afterSeq).slice(0, max);
  while (found.length < max) {
    const next = await views.next();
    if (next.done === true) return found;
    if (next.value.seq > afterSeq) found.push(next.value);
  }
  // Who asks for one more than it shows comes back for that one.
  const [last] = found.slice(-1);
  const shownSeq = found.at(-2)?.seq ?? afterSeq;
  if (last !== undefined) keep(api, archive, shownSeq, { ahead: [last], views });
  return found;
}

const placeOf = ({ key }: ObjectEntry, afterSeq: number): string => `${afterSeq} ${key}`;

/** Nobody else goes on with it. */
function taken(
  { objects }: ArchiveReader,
  archive: ObjectEntry,
  afterSeq: number,
): Reading | undefined {
  const kept = readings.get(objects)?.get(placeOf(archive, afterSeq));
  kept?.take();
  return kept;
}

function keep(
  { objects, clock }: ArchiveReader,
  archive: ObjectEntry,
  afterSeq: number,
  reading: Reading,
): void {
  const all = readings.get(objects) ?? new Map<string, Kept>();
  readings.set(objects, all);
  const place = placeOf(archive, afterSeq);
  const giveUp = (): void => {
    take();
    void reading.views.return(undefined).catch(() => undefined);
  };
  const idle = clock.after(idleMs, giveUp, { background: true });
  const take = (): void => {
    idle.cancel();
    all.delete(place);
  };
  all.get(place)?.giveUp();
  const [oldest] = all.size < readingsMax ? [] : all.values();
  oldest?.giveUp();
  all.set(place, { ...reading, take, giveUp });
}
