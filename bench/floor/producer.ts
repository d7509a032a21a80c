/** The floor's producer: publishes requests to the log itself, a window of them on their way. */

import { connectNats, Links } from '../measure/link.ts';
import { agentCount, Load } from '../measure/load.ts';
import { nowMs } from '../measure/monotonic.ts';
import { produce } from '../measure/pacing.ts';
import { answerAs } from '../measure/role-process.ts';
import { requested, subjectOf } from './event.ts';
import { type Publish, publisherOf } from './publisher.ts';

const window = 256;
let publish: Publish | undefined;
let number = 0;

function send(through: Publish): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const event = requested(number++, agentCount, nowMs());
  through(subjectOf('requested', event.runId), JSON.stringify(event), resolve);
  return promise;
}

answerAs({
  begin: async (body) => {
    publish = publisherOf(await connectNats(Links.parse(body)));
  },
  produce: async (body) => {
    const through = publish;
    if (through === undefined) throw new Error('"begin" comes first');
    return produce(Load.parse(body), window, () => send(through));
  },
});
