/** Where agents come from. Ours are processes of this machine; another maker would start virtual machines or containers. */
import type { Pool } from '../domain/scaler.ts';

export type Made = Readonly<{ agentId: string; pool: Pool; isStanding: boolean }>;

export type AgentMaker = Readonly<{
  /** Returns at once; what becomes of it is told to `onEnd`, or its agent registers. */
  make(made: Made): void;
  /** Whether this maker has it in hand. */
  has(agentId: string): boolean;
  /** In order, and by force where it does not end in time, which is that of its jobs unless said otherwise. */
  end(agentId: string, withinMs?: number): void;
  /** All of them: what they have goes on for a while, and they end by themselves. Resolves within a bound. */
  close(): Promise<void>;
}>;
