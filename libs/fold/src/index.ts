/** The public door of `@waybill/fold`: the runs that are not finished, folded lean, and the services that decide by them. */
export {
  type Decider,
  type DeciderJournal,
  type DeciderOptions,
  deciderService,
} from './decider-service.ts';
export { type Folded, type LiveRuns, type LiveRunsOptions, openLiveRuns } from './live-runs.ts';
