/** An agent with a job in hand, as most proofs begin. */
import { wireSamples } from '@waybill/protocol/samples';
import type { Taken, World } from './field-world.fixture.ts';
import type { Peer } from './peer.fixture.ts';

const { extensions } = wireSamples['agent.register'];

export const echoOf = ({ dispatch, job }: Taken) => ({
  ...job,
  attempt: dispatch['attempt'],
  fence: dispatch['fence'],
});
/** Its last word: a success unless it says otherwise. */
export const end = (taken: Taken, more: object = {}) => ({
  type: 'job.status',
  messageId: `end-${taken.job.jobId}`,
  ...echoOf(taken),
  state: 'success',
  timestamp: 1,
  ...more,
});

/** An agent of its own, with one job in hand. */
export async function withJob(
  world: World,
  agentId: string,
  request: object = {},
  job: object = {},
): Promise<Readonly<{ peer: Peer; taken: Taken }>> {
  const peer = await world.agent({
    agentId,
    labels: [agentId],
    extensions,
    platform: 'linux',
    arch: 'x64',
  });
  await world.start({ jobs: [{ name: 'one', runsOn: [agentId], config: {}, ...job }], ...request });
  return { peer, taken: await world.take(peer) };
}
