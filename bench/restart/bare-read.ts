/**
 * The floor of a start: a process that reads the same messages with the plain client and an ordered consumer, counts their bytes
 * and keeps nothing. It decodes no header and no body.
 */
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connectNats, Links } from '../measure/link.ts';
import { answerAs } from '../measure/role-process.ts';
import { heldBytes, spentSeconds } from './footprint.ts';

const stream = 'WB_RUNS';
const messagesMax = 2_000;

async function begin(links: Links): Promise<object> {
  const nc = await connectNats(links);
  const { state } = await (await jetstreamManager(nc)).streams.info(stream);
  const consumer = await jetstream(nc).consumers.get(stream);
  const { promise: allRead, resolve } = Promise.withResolvers<void>();
  let messages = 0;
  let bytes = 0;
  await consumer.consume({
    max_messages: messagesMax,
    callback: (message) => {
      messages += 1;
      bytes += message.data.length;
      if (message.seq >= state.last_seq) resolve();
    },
  });
  await allRead;
  const readyMs = performance.now();
  const cpuMs = spentSeconds() * 1_000;
  if (messages !== state.messages) throw new Error(`${messages} of ${state.messages} were read`);
  return { readyMs, cpuMs, heldWith: heldBytes(), bytes };
}

answerAs({ held: () => heldBytes(), begin: (body) => begin(Links.parse(body)) });
