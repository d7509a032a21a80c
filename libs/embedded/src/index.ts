/**
 * @waybill/embedded: the real nats-server and the real Postgres 18 for `waybill up`, for tests and for
 * benchmarks. Knows nothing of what they are used for.
 */
export { EmbeddedError, type EmbeddedErrorCode } from './embedded-error.ts';
export { findNatsServer, type NatsLookup } from './nats-binary.ts';
export { type Durability, type NatsOptions, type NatsServer, startNats } from './nats-server.ts';
export { type PostgresOptions, type PostgresServer, startPostgres } from './postgres-server.ts';
export { isAlive } from './process-table.ts';
export { type EmbeddedOptions, type Servers, startServers } from './servers.ts';
export { startTestServers, type TestServersOptions } from './test-servers.ts';
