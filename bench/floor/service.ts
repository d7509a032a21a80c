/**
 * The floor's service process: gateway and projector in one. Our own leanest pipeline, against which
 * the real one is measured: no validation, deadlines, authentication, retries or records.
 */
import { AckPolicy, jetstreamManager } from '@nats-io/jetstream';
import { Client } from 'pg';
import { connectNats, Links } from '../measure/link.ts';
import { answerAs } from '../measure/role-process.ts';
import { streamName, streamSubjects, subjectOf } from './event.ts';
import { gatewayConsumer, openGateway } from './gateway.ts';
import { createTable, openProjector, projectorConsumer } from './projector.ts';

const duplicateWindowNs = 120_000_000_000;

async function provision(links: Links): Promise<void> {
  const nc = await connectNats(links);
  const manager = await jetstreamManager(nc);
  await manager.streams.add({
    name: streamName,
    subjects: [streamSubjects],
    duplicate_window: duplicateWindowNs,
  });
  await manager.consumers.add(streamName, {
    durable_name: gatewayConsumer,
    filter_subject: subjectOf('requested', '>'),
    ack_policy: AckPolicy.Explicit,
    max_ack_pending: 1_000,
  });
  await manager.consumers.add(streamName, {
    durable_name: projectorConsumer,
    ack_policy: AckPolicy.All,
    max_ack_pending: 20_000,
  });
  await nc.close();
  const database = new Client({ connectionString: links.postgres.url });
  await database.connect();
  await database.query(createTable);
  await database.end();
}

answerAs({
  begin: async (body) => {
    const links = Links.parse(body);
    await provision(links);
    const nc = await connectNats(links);
    await openProjector(nc, links.postgres.url);
    const port = await openGateway(nc);
    return { agentsUrl: `ws://127.0.0.1:${port}` };
  },
});
