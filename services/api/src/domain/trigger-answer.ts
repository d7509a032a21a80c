/** What a producer is answered about its trigger, the first time and every time after. */
import type { TriggerDecided } from '@waybill/protocol';

export type TriggerAnswer = Readonly<{
  triggerId: string;
  requestId: string;
  /** Whether this very request stored it. */
  duplicate: boolean;
  decision: TriggerDecided['decision'] | null;
  runs: readonly Readonly<{ rule: string | null; runId: string }>[];
}>;

export type Told = Readonly<{ triggerId: string; requestId: string; duplicate: boolean }>;

export const triggerAnswer = (told: Told, decided: TriggerDecided | undefined): TriggerAnswer => ({
  ...told,
  decision: decided?.decision ?? null,
  runs: (decided?.runs ?? []).map(({ rule, runId }) => ({ rule: rule?.name ?? null, runId })),
});
