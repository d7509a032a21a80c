/** An agent as the fleet keeps it, across its sessions, and as a line of text in a snapshot. Changed in place: it moves with every job. */
import type { Kind } from './exchange.ts';
import type { Session } from './session.ts';
import { isWilling } from './session.ts';

export type Agent = {
  readonly key: string;
  readonly org: string;
  readonly agentId: string;
  /** Jobs that it holds, offers included. */
  load: number;
  /** Offers to it that are on their way into the log. */
  reserved: number;
  /** A person took it out of use. */
  isDrained: boolean;
  /** Server time since when it has had less to do: among equals the longest idle goes first. */
  idleSince: number;
  session: Session | undefined;
  /** What the session has registered with; its runs may speak of a session before its registration is read. */
  seat: Seat | undefined;
  kind: Kind | undefined;
};

export type Seat = Readonly<{ labels: readonly string[]; capacity: number; gateway: string }>;

/** By org and agent id: an agent belongs to exactly one org. */
export const agentKey = (org: string, agentId: string): string => `${org} ${agentId}`;

export const newAgent = (org: string, agentId: string): Agent => ({
  key: agentKey(org, agentId),
  org,
  agentId,
  load: 0,
  reserved: 0,
  isDrained: false,
  idleSince: 0,
  session: undefined,
  seat: undefined,
  kind: undefined,
});

/** Least loaded first, then longest idle, then by name. */
export function isBefore(a: Agent, b: Agent): boolean {
  const more = a.load + a.reserved - (b.load + b.reserved);
  if (more !== 0) return more < 0;
  if (a.idleSince !== b.idleSince) return a.idleSince < b.idleSince;
  return a.agentId < b.agentId;
}

export const wantsWork = ({ session, isDrained }: Agent): boolean =>
  session !== undefined && isWilling(session, isDrained);

/** Nothing would be lost if it were forgotten. */
export const isForgettable = ({ load, reserved, isDrained, session }: Agent): boolean =>
  load === 0 && reserved === 0 && !isDrained && session === undefined;

type Saved = Readonly<
  Pick<Agent, 'org' | 'agentId' | 'isDrained' | 'idleSince'> & {
    session?: Session;
    seat?: Seat;
  }
>;

/** Without its load, which its runs tell. */
export const encodeAgent = ({ org, agentId, isDrained, idleSince, session, seat }: Agent): string =>
  JSON.stringify({ org, agentId, isDrained, idleSince, session, seat });

/** Of a text that `encodeAgent` has made. */
export const decodeAgent = (text: string): Saved => JSON.parse(text) as Saved; // kept behind the snapshot's digest
