/** The rare branches that a run of seeds must have taken: what no seed reaches is proven by none. */

const often: readonly string[] = [
  // How offers are resolved.
  'resolution:accepted',
  'resolution:expired:ack_timeout',
  'resolution:rejected:busy',
  'resolution:rejected:draining',
  'resolution:withdrawn:agent_absent',
  'resolution:withdrawn:agent_lost',
  'resolution:withdrawn:cancelled',
  'resolution:withdrawn:gateway_lost',
  'late-ack',
  'rejected-thrice',
  'job:failed:offers_exhausted',
  // How jobs go on, or do not.
  'retried',
  'job:recovering',
  'job:timed_out_stale:no_heartbeat',
  'job:failed:job_timeout',
  'job:failed:queue_timeout',
  'job:failed:agent_lost',
  'job:cancelled:fail_fast',
  'job:drift_dropped:other',
  'cancel:forced',
  'event:approval.requested',
  'event:approval.answered',
  'event:approval.resolved',
  'approval:approved',
  'approval:rejected',
  'approval:expired',
  'approval:withdrawn',
  'job:held',
  'job:failed:approval_rejected',
  'job:failed:approval_expired',
  'void:approval.answered:not-entitled',
  'void:approval.answered:not-waiting',
  // Sessions, leases, outages, frozen leaders.
  'session:replaced',
  'event:agent.resumed',
  'event:session.ended',
  'close:4031',
  'lease:gateway:over',
  'lease:dispatcher:moved',
  'lease:scheduler:moved',
  'restored:dispatcher',
  'restored:scheduler',
  'restored:gateway',
  'log:was-away',
  'extended:log-outage',
  'breaker:tripped',
  'trapped:due.read',
  'trapped:offer.read',
  'trapped:ack.received',
  // What the log does with appends, and the fold with what it finds there.
  'append:10071',
  'append:duplicate',
  'append:landed-before',
  'void:repeated',
  'void:unreadable',
  'void:job.offered:not-due',
  'void:job.ack:stale-attempt',
  'void:job.status:stale-attempt',
  'void:job.status:foreign-session',
];

/** Some hundred seeds may go by without any of these. */
const seldom: readonly string[] = [
  'behind-a-fact',
  'append:10164',
  'cancel:given-up',
  'event:job.lost',
  'extended:gateway-lapsed',
  'resolution:withdrawn:fail_fast',
  'trapped:decision.drafted',
  'trapped:expired.appended',
  'trapped:frame.sent',
  'trapped:offer.appended',
  'void:agent.resumed:foreign-session',
  'void:job.expired:not-offered',
  'void:job.lost:not-recovering',
  'void:job.offered:wrong-fence',
  'void:job.stale:outdated',
  'void:run.completed:wrong-outcome',
];

/** So many seeds are enough to have reached the one kind, and all. */
const requiredFrom = { often: 300, seldom: 3_000 } as const;

export function missing(
  branches: Readonly<Record<string, number>>,
  played: number,
): readonly string[] {
  const required = [
    ...(played >= requiredFrom.often ? often : []),
    ...(played >= requiredFrom.seldom ? seldom : []),
  ];
  return required.filter((name) => (branches[name] ?? 0) === 0);
}
