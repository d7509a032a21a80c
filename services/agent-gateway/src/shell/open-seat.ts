/**
 * A registered session's place in the gateway: what it is sent, told to stop, and blamed for, each within a bound. What an idle
 * agent never needs is made when it is needed.
 */
import type { Clock } from '@waybill/process';
import { agentDraft, type DispatchFrame, type wire } from '@waybill/protocol';
import { limits } from '../domain/limits.ts';
import type { Identity } from '../domain/speaker.ts';
import type { AgentSocket } from './agent-socket.ts';
import { agentLane, type FactWriter } from './fact-writer.ts';
import type { HostKind, JobName, Seat } from './registry.ts';
import {
  type StoredViolation,
  type ViolationPlace,
  type ViolationRate,
  violationRate,
} from './violation-rate.ts';

/** Whoever has to end with the session. */
export type SeatHolder = Readonly<{ replaced(): void; ended(): void }>;

type Deps = Readonly<{ facts: FactWriter; gateway: string; clock: Clock }>;
type Place = Readonly<{
  socket: AgentSocket;
  who: Identity;
  /** What the agent says it understands. */
  announced: wire.WireExtensions | undefined;
  host: HostKind;
  holder: SeatHolder;
}>;

const STALE = 'stale_attempt';
const nothing: ReadonlySet<string> = new Set();

export const openSeat = (deps: Deps, place: Place): Seat => new HeldSeat(deps, place);

class HeldSeat implements Seat {
  readonly who: Identity;
  readonly extensions: wire.WireExtensions | undefined;
  readonly host: HostKind;
  readonly #deps: Deps;
  readonly #socket: AgentSocket;
  readonly #holder: SeatHolder;
  #sent: Set<string> | undefined = undefined;
  /** When the agent was last told to stop a job. */
  #told: Map<string, number> | undefined = undefined;
  #rate: ViolationRate | undefined = undefined;
  #stored = 0;
  #cancels = 0;

  constructor(deps: Deps, { socket, who, announced, host, holder }: Place) {
    this.who = who;
    this.host = hostKind(host);
    this.extensions = announced === undefined ? undefined : spoken(announced);
    this.#deps = deps;
    this.#socket = socket;
    this.#holder = holder;
  }

  get sent(): ReadonlySet<string> {
    return this.#sent ?? nothing;
  }

  isOpen(): boolean {
    return this.#socket.isOpen();
  }

  send(message: wire.OrchestratorMessage): void {
    this.#socket.send(message);
  }

  dispatch(frame: DispatchFrame, offerId: string): void {
    this.#sent ??= new Set();
    bounded(this.#sent.add(offerId), limits.sentMax);
    this.#socket.send(frame);
  }

  close(code: wire.WireCloseCode, reason: string): void {
    this.#socket.close(code, reason);
  }

  stop({ runId, jobId }: JobName, reason: string, force?: boolean): void {
    this.#cancels += 1;
    this.#socket.send({
      type: 'job.cancel',
      messageId: `cancel-${this.#socket.id}-${this.#cancels}`,
      runId,
      jobId,
      reason,
      ...(force === undefined ? {} : { force }),
    });
  }

  stray(job: JobName): void {
    const nowMs = this.#deps.clock.monotonicMs();
    this.#told ??= new Map();
    const toldMs = this.#told.get(job.jobId);
    if (toldMs !== undefined && nowMs - toldMs < limits.stopAgainMs) return;
    this.#told.delete(job.jobId);
    bounded(this.#told.set(job.jobId, nowMs), limits.strayJobsMax);
    this.stop(job, STALE);
  }

  violation(code: string, detail: string, about?: ViolationPlace): void {
    this.#rate ??= violationRate(this.#deps.clock);
    this.#store(this.#rate.next({ code, detail, ...about }));
  }

  left(): void {
    this.#store(this.#rate?.rest());
  }

  replaced(): void {
    this.#holder.replaced();
  }

  ended(): void {
    this.#holder.ended();
  }

  #store(violation: StoredViolation | undefined): void {
    if (violation === undefined) return;
    const { facts, gateway } = this.#deps;
    const { org, agentId, session } = this.who;
    this.#stored += 1;
    const id = `${org}:s${session}:violation:${this.#stored}`;
    const body = JSON.stringify(violation);
    // Kept when it can be; a violation is no reason to make anybody wait, and a gateway that stops gives it up.
    const draft = agentDraft({ org, agentId, type: 'violation', id, gateway, session, body });
    facts.within(agentLane(this.who), () => facts.store(draft)).catch(() => undefined);
  }
}

/** One value for all hosts of a kind, of which there are few. */
const hostKinds = new Map<string, HostKind>();
const hostKindsMax = 64;

function hostKind({ platform, arch }: HostKind): HostKind {
  const key = JSON.stringify([platform, arch]);
  const kind = hostKinds.get(key) ?? {
    ...(platform === undefined ? {} : { platform }),
    ...(arch === undefined ? {} : { arch }),
  };
  if (hostKinds.size < hostKindsMax) hostKinds.set(key, kind);
  return kind;
}

/** What was put in first goes first. */
function bounded(
  of: Readonly<{ size: number; keys(): IterableIterator<string>; delete(key: string): boolean }>,
  max: number,
): void {
  const [oldest] = of.keys();
  if (of.size > max && oldest !== undefined) of.delete(oldest);
}

/** All that we speak, as far as the agent understands it. */
const spoken = ({
  fence,
  granted,
  heartbeatAck,
  terminalAck,
  agentWork,
  approvals,
}: wire.WireExtensions): wire.WireExtensions => ({
  fence,
  granted,
  heartbeatAck,
  terminalAck,
  ...(agentWork === undefined ? {} : { agentWork }),
  ...(approvals === undefined ? {} : { approvals }),
});
