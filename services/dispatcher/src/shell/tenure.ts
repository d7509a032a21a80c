/**
 * The lease under which a partition is decided about, and the only way from here into the log: whoever does not surely hold it at
 * the very moment of an append leaves it to whoever does. That saves work; two who decide break nothing.
 */
import type { Appended, Expect, Journal } from '@waybill/journal';
import { milestone } from '@waybill/process';
import { type Draft, holdsLease, type Partition, partitionName } from '@waybill/protocol';

export type Tenure = Readonly<{
  isHeld(): boolean;
  /** Undefined where it was not appended, because somebody else decides. */
  append(draft: Draft, expect: Expect): Promise<Appended> | undefined;
  release(): Promise<void>;
}>;

export type TenureOptions = Readonly<{
  journal: Pick<Journal, 'append' | 'lease'>;
  partition: Partition;
  /** This process, for people. */
  holder: string;
  /** It is held, or not any more. */
  onChange: () => void;
}>;

const TTL_MS = 5_000;

export function openTenure({ journal, partition, holder, onChange }: TenureOptions): Tenure {
  const name = `dispatcher.${partitionName(partition)}`;
  const lease = journal.lease({
    name,
    holder,
    ttlMs: TTL_MS,
    onGained: (epoch) => {
      milestone('lease.gained', { name, epoch });
      onChange();
    },
    onLost: onChange,
  });
  return {
    isHeld: () => holdsLease(lease.epoch()),
    append: (draft, expect) => {
      const epoch = lease.epoch();
      if (!holdsLease(epoch)) return undefined;
      return journal.append({ ...draft, meta: { ...draft.meta, epoch } }, expect);
    },
    release: lease.release,
  };
}
