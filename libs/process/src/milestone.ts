/**
 * Named places that a process passes: between reading and writing, between a write and what follows from it. A test that is loaded
 * before the process can stop or end it exactly there. Nothing listens otherwise, and passing costs one comparison.
 */
import { type Channel, channel } from 'node:diagnostics_channel';

export const milestones = [
  // The api: the log has a new trigger, and nobody was told yet.
  'trigger.stored',
  // The dispatcher: a decision of a run is made and not sent; the log has answered one that is no run, offer, cancel or end.
  'decision.drafted',
  'decision.appended',
  'run.created',
  'offer.appended',
  'cancel.appended',
  'completion.appended',
  // The scheduler: what is due is read and judged, and not written; the log has an expiry, another end of waiting, an extension.
  'due.read',
  'expired.appended',
  'overdue.appended',
  'extended.appended',
  // The gateway: an offer to a session of its own is read; its frame was handed to the socket.
  'offer.read',
  'frame.sent',
  // The gateway: a word of an agent is about to be appended; the log has it, and the agent was not answered.
  'ack.received',
  'ack.appended',
  'status.received',
  'status.appended',
  // The gateway: the log has a session; what became of its jobs when it ended, or when its agent came back; its end.
  'registered.appended',
  'lost.appended',
  'returned.appended',
  'disconnected.appended',
  // The projector: inside the transaction, before it commits; committed, and the log not told.
  'rows.written',
  'record.written',
  'rows.committed',
  // Whoever folds the log and holds leases.
  'snapshot.saved',
  'lease.gained',
] as const;

export type Milestone = (typeof milestones)[number];

/** The name of the diagnostics channel on which a passing is told. */
export const milestoneChannel = (name: Milestone): string => `waybill:${name}`;

// Held here: the registry of channels keeps those only that somebody else holds.
const channels: ReadonlyMap<Milestone, Channel> = new Map(
  milestones.map((name) => [name, channel(milestoneChannel(name))]),
);

/** Listeners are called before it returns. */
export function milestone(name: Milestone, about?: Readonly<Record<string, unknown>>): void {
  const told = channels.get(name);
  if (told?.hasSubscribers === true) told.publish(about);
}
