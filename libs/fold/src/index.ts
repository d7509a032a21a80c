/** The public door of `@waybill/fold`: the runs that are not finished, folded lean, for those who decide. */
export { type Folded, type LiveRuns, type LiveRunsOptions, openLiveRuns } from './live-runs.ts';
