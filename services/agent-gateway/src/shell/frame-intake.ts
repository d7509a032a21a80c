/**
 * Frames of registered agents: who may speak is settled first, then the frame is appended as it came, in the order of its job,
 * and answered once it is stored. Nothing that an agent says of itself decides where its words go.
 */
import { milestone } from '@waybill/process';
import { agentDraft, type Draft, wire } from '@waybill/protocol';
import type { Custody, CustodyBook } from '../domain/custody.ts';
import {
  agentLogFact,
  frameId,
  heardFact,
  isAtWork,
  isJobFrame,
  isTerminalStatus,
  type JobFrame,
  jobFact,
  rejectedApproval,
  type Spoken,
} from '../domain/fact.ts';
import { granted } from '../domain/grant.ts';
import { heldAttempt } from '../domain/history.ts';
import { replyTo } from '../domain/reply.ts';
import type { Arrived } from '../domain/session-protocol.ts';
import { type Standing, standingOf } from '../domain/speaker.ts';
import { agentLane, type FactWriter } from './fact-writer.ts';
import type { Seat } from './registry.ts';
import type { RunHistory } from './run-history.ts';

export type FrameIntake = Readonly<{
  /** Settles when what had to be stored is stored; undefined when nothing has to be. */
  take(seat: Seat, arrived: Arrived): Promise<void> | undefined;
}>;

type Deps = Readonly<{
  book: CustodyBook;
  facts: FactWriter;
  history: RunHistory;
  /** As `<name>/<start>`. */
  gateway: string;
}>;

export function openFrameIntake(deps: Deps): FrameIntake {
  const { facts, gateway } = deps;
  return {
    take: (seat, { message, raw, frameNo }) => {
      const spoken: Spoken = {
        who: seat.who,
        frameNo,
        resends: seat.extensions?.terminalAck === true,
      };
      if (isJobFrame(message)) return takeJobFrame(deps, seat, message, raw, spoken);
      switch (message.type) {
        case 'config.ack':
        case 'agent.status':
        case 'agent.log': {
          const { org, agentId, session } = seat.who;
          if (message.agentId !== agentId) {
            seat.violation(
              'foreign-agent',
              `${message.type}: agentId is not the one that registered on this socket`,
            );
            return undefined;
          }
          const type = message.type === 'config.ack' ? 'config_acked' : 'status';
          const draft: Draft =
            message.type === 'agent.log'
              ? agentLogFact(seat.who, raw, frameNo)
              : agentDraft({
                  org,
                  agentId,
                  type,
                  id: frameId(spoken),
                  gateway,
                  session,
                  body: raw,
                });
          return facts.within(agentLane(seat.who), async () => void (await facts.store(draft)));
        }
        default:
          answer(seat, message);
          return undefined;
      }
    },
  };
}

function takeJobFrame(
  deps: Deps,
  seat: Seat,
  message: JobFrame,
  raw: Uint8Array,
  spoken: Spoken,
): Promise<void> | undefined {
  const standing = standingOf(deps.book, seat.who, message);
  if (standing.kind === 'foreign') {
    seat.violation('foreign-job', `${message.type}: ${standing.detail}`);
    seat.stray(message);
    // Nobody will ever want it: an agent that keeps its last word until it is acknowledged may forget it.
    acknowledgeStatus(seat, message);
    answer(seat, message);
    return undefined;
  }
  if (standing.kind === 'stale' || (standing.kind === 'ended' && isAtWork(message)))
    seat.stray(message);
  // The last heartbeat of a job must be one of the attempt that is current.
  if (standing.kind !== 'current' && message.type === 'job.heartbeat') return undefined;
  return deps.facts.within(standing.custody.jobId, () =>
    storeJobFrame(deps, seat, message, raw, { standing, spoken }),
  );
}

type Said = Readonly<{ standing: Exclude<Standing, { kind: 'foreign' }>; spoken: Spoken }>;

async function storeJobFrame(
  deps: Deps,
  seat: Seat,
  message: JobFrame,
  raw: Uint8Array,
  { standing, spoken }: Said,
): Promise<void> {
  const { book, facts } = deps;
  const { custody, kind } = standing;
  const liesElsewhere = message.type === 'log.chunk' || message.type === 'job.heartbeat';
  const isFirst = kind === 'current' && !latest(book, custody).heard;
  if (isFirst && liesElsewhere) await facts.store(heardFact(message, custody, spoken));
  passed(message, 'received');
  const stored = await facts.store(jobFact(message, withoutSecrets(message, raw), custody, spoken));
  passed(message, 'appended');
  if (isFirst) book.change(custody, { heard: true });
  const isLast = isTerminalStatus(message) || message.type === 'job.reject';
  if (isLast && kind === 'current') book.change(custody, { phase: 'ended' });
  if (message.type === 'step.approval-request' && kind === 'current')
    await facts.store(rejectedApproval(message, custody, spoken));
  acknowledgeStatus(seat, message);
  answer(seat, message);
  if (kind !== 'current') return;
  acknowledgeHeartbeat(seat, message, latest(book, custody));
  if (message.type === 'job.ack' && seat.extensions?.granted === true)
    await grant(deps, seat, message, custody, stored.seq);
}

/** Requests whose service is not there yet. */
function answer(seat: Seat, message: wire.AgentMessage): void {
  const reply = replyTo(message);
  if (reply !== undefined) seat.send(reply);
}

/** The two words that decide what becomes of an attempt. */
function passed(message: JobFrame, how: 'received' | 'appended'): void {
  if (message.type === 'job.ack') milestone(`ack.${how}`, message);
  if (message.type === 'job.status') milestone(`status.${how}`, message);
}

const latest = (book: CustodyBook, { runId, jobId, attempt, ...rest }: Custody): Custody =>
  book.find({ runId, jobId, attempt }) ?? { runId, jobId, attempt, ...rest };

/** Secret outputs are sealed to the run's own key by the agent; until runs have one, nothing of them is kept. */
function withoutSecrets(message: JobFrame, raw: Uint8Array): string | Uint8Array {
  if (message.type !== 'job.status' || message.secretOutputs === undefined) return raw;
  return JSON.stringify(wire.redact(wire.JobStatus, message));
}

function acknowledgeStatus(seat: Seat, message: JobFrame): void {
  if (seat.extensions?.terminalAck !== true || !isTerminalStatus(message)) return;
  const { messageId, runId, jobId } = message;
  seat.send({ type: 'job.status.ack', messageId, runId, jobId });
}

function acknowledgeHeartbeat(
  seat: Seat,
  message: JobFrame,
  { attempt, fence, leaseMs }: Custody,
): void {
  if (message.type !== 'job.heartbeat' || seat.extensions?.heartbeatAck !== true) return;
  if (leaseMs === undefined) return;
  const { runId, jobId } = message;
  seat.send({ type: 'job.heartbeat.ack', runId, jobId, attempt, fence, leaseMs });
}

/** Only behind the fold: an ack that was too late lies in the log like any other. */
async function grant(
  deps: Deps,
  seat: Seat,
  message: JobFrame,
  custody: Custody,
  ackSeq: number,
): Promise<void> {
  const { org, runId, jobId, attempt } = custody;
  const judged = await deps.history.judge({ org, runId }, ackSeq, Number.POSITIVE_INFINITY);
  const held = judged.verdict === 'valid' ? heldAttempt(judged.run, jobId, attempt) : undefined;
  if (held?.attempt.session === seat.who.session) seat.send(granted(custody));
  else seat.stray(message);
}
