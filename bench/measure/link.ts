/** How a role reaches the servers of its run. Carried over IPC: passwords stay off command lines. */
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { z } from 'zod';

export const Links = z.object({
  nats: z.object({ url: z.string(), user: z.string().optional(), password: z.string().optional() }),
  postgres: z.object({ url: z.string() }),
});
export type Links = z.infer<typeof Links>;

export function connectNats({ nats }: Links): Promise<NatsConnection> {
  const { url, user, password } = nats;
  return connect({
    servers: url,
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { pass: password }),
  });
}
