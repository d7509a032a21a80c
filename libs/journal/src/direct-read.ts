/** The direct-get API: reads that any replica may answer, many messages to one question. */
import type { Msg } from '@nats-io/nats-core';
import { Outage } from '@waybill/process';
import type { LogName, Stored } from './bucket.ts';
import type { Connection } from './connection.ts';
import { openInbox } from './inbox.ts';
import { directMessage, headerOf } from './message.ts';

export type Page<S extends LogName> = Readonly<{
  messages: readonly Stored<S>[];
  /** How many the answering replica still has beyond this page. */
  left: number;
}>;

export type DirectReads = Readonly<{
  one<S extends LogName>(
    stream: S,
    query: Readonly<{ seq: number } | { last_by_subj: string }>,
  ): Promise<Stored<S> | undefined>;
  page<S extends LogName>(
    stream: S,
    query: Readonly<{ seq: number; next_by_subj: string }>,
    o?: Readonly<{ bytesMax?: number }>,
  ): Promise<Page<S>>;
  /** The last message on each subject of the filter, in their order. */
  lasts<S extends LogName>(stream: S, filter: string): Promise<Page<S>>;
  close(): void;
}>;

const pageMax = 1_000;
/** So that a page of great messages comes within the time that an attempt has. */
const pageBytesMax = 16 * 1024 * 1024;
const attemptMs = 2_000;
const attemptsMax = 4;

type Answer = Readonly<{ messages: readonly Msg[]; left: number }>;
type Question = {
  readonly stream: LogName;
  /** One message ends the answer; else an end-of-batch status does. */
  readonly single: boolean;
  readonly messages: Msg[];
  readonly settle: (answer: Answer | Outage) => void;
};

export function openDirectReads(connection: Connection): DirectReads {
  const inbox = openInbox<Question>(connection, (question, message, replySubject) => {
    const answer = taken(question, message);
    if (answer === undefined) return;
    inbox.remove(replySubject);
    question.settle(answer);
  });

  const ask = (stream: LogName, query: object, single: boolean): Promise<Answer | Outage> => {
    const { promise, resolve } = Promise.withResolvers<Answer | Outage>();
    const reply = inbox.add({ stream, single, messages: [], settle: resolve });
    const giveUp = (): void => {
      if (inbox.remove(reply))
        resolve(new Outage('nats-unanswered', `${stream} did not answer a read`));
    };
    const timer = connection.clock.after(attemptMs, giveUp);
    const stopListening = connection.onDrop(giveUp);
    try {
      connection.nc.publish(`$JS.API.DIRECT.GET.${stream}`, JSON.stringify(query), { reply });
    } catch {
      giveUp();
    }
    return promise.finally(() => {
      timer.cancel();
      stopListening();
    });
  };

  const insist = async (stream: LogName, query: object, single: boolean): Promise<Answer> => {
    for (let attempt = 1; ; attempt++) {
      const answer = await ask(stream, query, single);
      if (!(answer instanceof Outage)) return answer;
      if (attempt === attemptsMax) throw answer;
      await connection.clock.sleep(50 * 2 ** attempt);
    }
  };

  const pageOf = async <S extends LogName>(
    stream: S,
    query: object,
    bytesMax = pageBytesMax,
  ): Promise<Page<S>> => {
    const bounded = { ...query, batch: pageMax, max_bytes: bytesMax };
    const { messages, left } = await insist(stream, bounded, false);
    return { messages: messages.map((message) => directMessage(stream, message)), left };
  };

  return {
    one: async (stream, query) => {
      const [message] = (await insist(stream, query, true)).messages;
      return message === undefined ? undefined : directMessage(stream, message);
    },
    page: (stream, query, o) => pageOf(stream, query, o?.bytesMax),
    lasts: (stream, filter) => pageOf(stream, { multi_last: [filter] }),
    close: inbox.close,
  };
}

/** Undefined while more is to come. */
function taken(question: Question, message: Msg): Answer | Outage | undefined {
  const { messages } = question;
  const code = message.headers?.code ?? 0;
  switch (code) {
    case 0:
      messages.push(message);
      return question.single ? { messages, left: 0 } : undefined;
    case 204:
      return { messages, left: Number(headerOf(message.headers, 'Nats-Num-Pending') ?? 0) };
    case 404:
      return { messages, left: 0 };
    default:
      return new Outage(
        'nats-refusing',
        `${question.stream} answers a read with ${message.headers?.status}`,
      );
  }
}
