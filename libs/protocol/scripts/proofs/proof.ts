/**
 * What docs/protocol-coverage.md is made of: for every message and field what Waybill does with it, the source that does it, and
 * the test that proves it over a real socket. A message or field without a row stops the generation.
 */

export type Proof = Readonly<{
  file: string;
  /** As it stands in the file. */
  test: string;
  /** The test takes the fields from the schema itself, so that it names none of them. */
  walks?: true;
}>;

export type FieldProof = Readonly<{
  /** One sentence. */
  does: string;
  handledIn?: string;
  provenBy?: Proof;
  /** Of our own runner, where it does something with the field. */
  runner?: Proof;
}>;

export type MessageProof = Readonly<{
  handledIn: string;
  provenBy: Proof;
  /** The other direction of a message that goes both ways. */
  alsoProvenBy?: Proof;
  /** A sentence alone stands for a field that is handled and proven as its message is. A field inside an object: `object.field`. */
  fields: Readonly<Record<string, string | FieldProof>>;
}>;

export type Coverage = Readonly<Record<string, MessageProof>>;

const gateway = 'services/agent-gateway/src';
export const source = {
  protocol: `${gateway}/domain/session-protocol.ts`,
  registration: `${gateway}/shell/registration.ts`,
  intake: `${gateway}/shell/frame-intake.ts`,
  jobs: `${gateway}/shell/job-intake.ts`,
  facts: `${gateway}/domain/fact.ts`,
  objects: `${gateway}/shell/object-intake.ts`,
  events: `${gateway}/shell/event-intake.ts`,
  fleet: `${gateway}/shell/fleet-desk.ts`,
  reply: `${gateway}/domain/reply.ts`,
  offer: `${gateway}/shell/offer-frame.ts`,
  stored: `${gateway}/shell/stored-inputs.ts`,
  seat: `${gateway}/shell/open-seat.ts`,
  grant: `${gateway}/domain/grant.ts`,
  speaker: `${gateway}/domain/speaker.ts`,
  reconciliation: `${gateway}/shell/reconciliation.ts`,
  lastWord: `${gateway}/shell/last-word.ts`,
  logs: `${gateway}/shell/log-ledger.ts`,
  kept: `${gateway}/shell/kept-body.ts`,
  outcome: `${gateway}/domain/approval-outcome.ts`,
  socket: `${gateway}/shell/agent-socket.ts`,
  session: `${gateway}/shell/session.ts`,
  liveness: `${gateway}/shell/liveness.ts`,
  flow: `${gateway}/shell/flow-control.ts`,
  objectRequest: `${gateway}/domain/object-request.ts`,
  frame: 'libs/protocol/src/wire/frame.ts',
  fold: 'libs/protocol/src/job-fact.ts',
  step: 'libs/protocol/src/step.ts',
  usage: 'libs/protocol/src/usage.ts',
  approval: 'libs/protocol/src/approval.ts',
  dispatchFrame: 'libs/protocol/src/dispatch-frame.ts',
  agentRow: 'services/projector/src/domain/agent-row.ts',
  agent: 'libs/agent/src/connection.ts',
  agentJobs: 'libs/agent/src/job-desk.ts',
  agentRequests: 'libs/agent/src/request-desk.ts',
  upstream: 'libs/protocol/src/upstream-view.ts',
  changes: 'libs/protocol/src/upstream-change.ts',
} as const;

const within =
  (file: string) =>
  (test: string): Proof => ({ file, test });

export const inSessions = within('tests/fields/session-proofs.ts');
export const inDispatch = within('tests/fields/dispatch-proofs.ts');
export const inJobs = within('tests/fields/job-proofs.ts');
export const inSteps = within('tests/fields/step-proofs.ts');
export const inAsking = within('tests/fields/asking-proofs.ts');
export const inWork = within('tests/fields/work-proofs.ts');
export const inObjects = within('tests/fields/object-proofs.ts');
export const inGateway = (name: string, test: string): Proof => ({
  file: `${gateway}/shell/${name}.int.spec.ts`,
  test,
});
export const inRunner = (name: string, test: string): Proof => ({
  file: `apps/runner/src/${name}.int.spec.ts`,
  test,
});
export const inAgent = (name: string, test: string): Proof => ({
  file: `libs/agent/src/${name}.int.spec.ts`,
  test,
});

/** The agent of the SDK is sent every message with every field, also those that Waybill itself never sends. */
export const takenBySdk = inAgent('fuzz', 'takes every message with every field, and goes on');

/** Sentences that hold wherever the field stands. */
export const same = {
  kept: 'Kept with the fact as it came.',
  runId: 'Has to be the run of `jobId`; otherwise the frame is a violation and touches no run.',
  jobId: 'Names the attempt, which has to be this agent’s; otherwise the frame is a violation.',
  echo: 'Kept with the fact; who speaks for the attempt is settled by the session and the stored offer, not by this.',
  timestamp: 'Kept with the fact; times of the run are those of the log.',
  answered: 'Stands in the answer as `requestId`.',
} as const;

/** What every report about a job carries. */
export const report = {
  messageId:
    'Kept with the fact; of agents that resend what was not acknowledged it is the key that makes a repeat the same fact.',
  runId: same.runId,
  jobId: same.jobId,
} as const;
export const echo = { attempt: same.echo, fence: same.echo } as const;
