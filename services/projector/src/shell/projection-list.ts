/** Every stream that the read model is folded from, and what folds it. Fresh ones for every run over the log. */
import type { Journal } from '@waybill/journal';
import type { Logger } from '@waybill/process';
import { openAgentProjection } from './agent-projection.ts';
import type { Projection } from './projection.ts';
import { openRuleProjection } from './rule-projection.ts';
import { openRunProjection } from './run-projection.ts';
import { openTriggerProjection } from './trigger-projection.ts';
import type { Told } from './upstream-outlet.ts';

export type ProjectionOptions = Readonly<{
  journal: Pick<Journal, 'load'>;
  log: Logger;
  /** Told what changed in runs, once it is committed. */
  tell?: (told: readonly Told[]) => void;
}>;

export const openProjections = (o: ProjectionOptions): readonly Projection[] => [
  openRuleProjection(o),
  openAgentProjection(o),
  openTriggerProjection(o),
  openRunProjection(o),
];
