/**
 * Questions to the server that wait for an answer. Each ends exactly once: with its answer, its time, or the connection it was
 * asked on, because nobody would answer it on another one. Only approvals outlive a connection, where the server keeps them too.
 */
import { type Clock, safeError, type Timer } from '@waybill/process';
import { wire } from '@waybill/protocol';

export type RequestFailure = 'away' | 'no-answer' | 'refused' | 'invalid' | 'unsupported';

/** A question without an answer. What it was for has not happened, or nobody knows whether it has. */
export class RequestFailed extends Error {
  override readonly name = 'RequestFailed';
  readonly code: RequestFailure;

  constructor(code: RequestFailure, message: string) {
    super(message);
    this.code = code;
  }
}

type Answer = Exclude<
  Extract<wire.OrchestratorMessage, Readonly<{ requestId: string }>>,
  wire.FleetLogsRequest
>;
export type AnswerType = Answer['type'];
export type AnswerOf<T extends AnswerType> = Extract<Answer, Readonly<{ type: T }>>;

export type Question<T extends AnswerType> = Readonly<{
  /** What the answer repeats as its `requestId`. */
  id: string;
  frame: wire.AgentMessage;
  answer: T;
  /** Without one the server decides how long it takes. */
  timeoutMs?: number;
  signal?: AbortSignal;
  /** Asked again under the same id after a reconnect, where the server announced `approvals`. */
  keeps?: boolean;
}>;

export type RequestDesk = Readonly<{
  readonly size: number;
  ask<T extends AnswerType>(question: Question<T>): Promise<AnswerOf<T>>;
  onAnswer(message: wire.OrchestratorMessage): void;
  /** The server did not take the frame of that id. */
  onNack(id: string, reason: string): void;
  onSession(extensions: wire.WireExtensions | undefined): void;
}>;

type Waiting = Readonly<{
  question: Question<AnswerType>;
  answered: (message: Answer) => void;
  failed: (error: Error) => void;
}>;

/** A larger frame would cost the connection, and with it everybody's answers. */
const frameCharsMax = 4_194_304;

export function createRequestDesk(
  o: Readonly<{ clock: Clock; send: (frame: wire.AgentMessage) => boolean }>,
): RequestDesk {
  const waiting = new Map<string, Waiting>();
  let session: wire.WireExtensions | undefined;
  let isKept = false;

  const fail = (id: string, error: Error): void => waiting.get(id)?.failed(error);
  const enter = <T extends AnswerType>(question: Question<T>): Promise<AnswerOf<T>> => {
    const { id, timeoutMs, signal } = question;
    const settled = Promise.withResolvers<AnswerOf<T>>();
    let timer: Timer | undefined;
    const onAbort = (): void => fail(id, abortError(signal?.reason));
    const leave = (): void => {
      waiting.delete(id);
      timer?.cancel();
      signal?.removeEventListener('abort', onAbort);
    };
    waiting.set(id, {
      question,
      answered: (message) => {
        if (!isAnswer(message, question.answer)) return;
        leave();
        settled.resolve(message);
      },
      failed: (error) => {
        leave();
        settled.reject(error);
      },
    });
    if (timeoutMs !== undefined)
      timer = o.clock.after(timeoutMs, () => fail(id, tooLate(question.frame.type, timeoutMs)));
    signal?.addEventListener('abort', onAbort, { once: true });
    return settled.promise;
  };

  return {
    get size() {
      return waiting.size;
    },
    ask: async (question) => {
      const { frame, keeps, signal } = question;
      if (signal?.aborted) throw abortError(signal.reason);
      const problem = problemOf(frame);
      if (problem !== undefined) throw new RequestFailed('invalid', `${frame.type}: ${problem}`);
      const mayWait = keeps === true && isKept;
      if (session === undefined && !mayWait) throw away(frame.type);
      const answer = enter(question);
      const isSent = session !== undefined && o.send(frame);
      if (!isSent && !mayWait) fail(question.id, away(frame.type));
      return answer;
    },
    onAnswer: (message) => {
      if (isReply(message)) waiting.get(message.requestId)?.answered(message);
    },
    onNack: (id, reason) => fail(id, new RequestFailed('refused', reason)),
    onSession: (extensions) => {
      session = extensions;
      if (extensions !== undefined) isKept = extensions.approvals === true;
      for (const { question } of waiting.values()) {
        if (question.keeps !== true || !isKept) fail(question.id, away(question.frame.type));
        else if (extensions !== undefined) o.send(question.frame);
      }
    },
  };
}

function problemOf(frame: wire.AgentMessage): string | undefined {
  try {
    if (JSON.stringify(frame).length > frameCharsMax)
      return `it has over ${frameCharsMax} characters`;
  } catch {
    return 'it cannot be written as JSON';
  }
  const parsed = wire.AgentMessage.safeParse(frame);
  return parsed.success ? undefined : safeError(parsed.error).message;
}

const isReply = (message: wire.OrchestratorMessage): message is Answer =>
  'requestId' in message && message.type !== 'fleet.logs.request';

const isAnswer = <T extends AnswerType>(message: Answer, type: T): message is AnswerOf<T> =>
  message.type === type;

const away = (type: string): RequestFailed =>
  new RequestFailed(
    'away',
    `the connection is gone: ${type} has no answer, and was perhaps never heard`,
  );

const tooLate = (type: string, timeoutMs: number): RequestFailed =>
  new RequestFailed('no-answer', `${type} was not answered within ${timeoutMs} ms`);

const abortError = (reason: unknown): Error =>
  reason instanceof Error ? reason : new Error('aborted', { cause: reason });
