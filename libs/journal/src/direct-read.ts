/** The direct-get API: reads that any replica may answer, many messages to one question. */
import type { Msg } from '@nats-io/nats-core';
import { Outage } from '@waybill/process';
import type { StoredMessage, StreamName } from '@waybill/protocol';
import type { Connection } from './connection.ts';
import { openInbox } from './inbox.ts';
import { directMessage, headerOf } from './message.ts';

export type Page = Readonly<{
  messages: readonly StoredMessage[];
  /** How many the answering replica still has beyond this page. */
  left: number;
}>;

export type DirectReads = Readonly<{
  one(
    stream: StreamName,
    query: Readonly<{ seq: number } | { last_by_subj: string }>,
  ): Promise<StoredMessage | undefined>;
  page(stream: StreamName, query: Readonly<{ seq: number; next_by_subj: string }>): Promise<Page>;
  close(): void;
}>;

const pageMax = 1_000;
const attemptMs = 2_000;
const attemptsMax = 4;

type Question = {
  readonly stream: StreamName;
  /** One message ends the answer; else an end-of-batch status does. */
  readonly single: boolean;
  readonly messages: StoredMessage[];
  readonly settle: (answer: Page | Outage) => void;
};

export function openDirectReads(connection: Connection): DirectReads {
  const inbox = openInbox<Question>(connection, (question, message, replySubject) => {
    const answer = taken(question, message);
    if (answer === undefined) return;
    inbox.remove(replySubject);
    question.settle(answer);
  });

  const ask = (stream: StreamName, query: object, single: boolean): Promise<Page | Outage> => {
    const { promise, resolve } = Promise.withResolvers<Page | Outage>();
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

  const insist = async (stream: StreamName, query: object, single: boolean): Promise<Page> => {
    for (let attempt = 1; ; attempt++) {
      const answer = await ask(stream, query, single);
      if (!(answer instanceof Outage)) return answer;
      if (attempt === attemptsMax) throw answer;
      await connection.clock.sleep(50 * 2 ** attempt);
    }
  };

  return {
    one: async (stream, query) => (await insist(stream, query, true)).messages[0],
    page: (stream, query) => insist(stream, { ...query, batch: pageMax }, false),
    close: inbox.close,
  };
}

/** Undefined while more is to come. */
function taken(question: Question, message: Msg): Page | Outage | undefined {
  const { messages } = question;
  const code = message.headers?.code ?? 0;
  switch (code) {
    case 0:
      messages.push(directMessage(question.stream, message));
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
