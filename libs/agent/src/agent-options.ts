/** What an agent is made of. */
import type { Clock, Logger } from '@waybill/process';
import type { AgentLogStream } from './agent-log.ts';
import type { HostFacts } from './host-facts.ts';
import type { ReconnectBackoff } from './reconnect-delay.ts';
import type { AgentTiming } from './timing.ts';

export type AgentOptions = Readonly<{
  /** Dialled as it stands: `ws(s)://host:port/ws`. */
  url: string;
  token?: string | undefined;
  agentId: string;
  labels: readonly string[];
  maxConcurrency?: number;
  clock: Clock;
  log: Logger;
  /** A log that the agent's owner writes too; without one the agent keeps its own lines, for those who ask for diagnostics. */
  agentLog?: AgentLogStream;
  /** Whether each line of that log goes to the server as it is written: not unless said. */
  sendLog?: boolean;
  /** Keeps terminal statuses and usage across restarts of the agent's process. */
  outboxFile?: string;
  hostFacts?: HostFacts;
  backoff?: Partial<ReconnectBackoff>;
  timing?: Partial<AgentTiming>;
  random?: () => number;
}>;
