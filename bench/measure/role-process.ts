/**
 * The child's side of a role: answers what its parent asks, one handler a question, and ends when
 * the parent is gone.
 */
import { z } from 'zod';

const Question = z.object({ id: z.number(), question: z.string(), body: z.unknown().optional() });

export type Handlers = Readonly<Record<string, (body: unknown) => unknown>>;

export function answerAs(handlers: Handlers): void {
  process.on('disconnect', () => process.exit(0));
  process.on('message', (message) => {
    const { id, question, body } = Question.parse(message);
    if (question === 'quit') process.exit(0);
    void answerTo(handlers[question], question, body).then((reply) =>
      process.send?.({ id, ...reply }),
    );
  });
}

type Reply = Readonly<{ answer: unknown } | { error: string }>;

async function answerTo(
  handler: Handlers[string] | undefined,
  question: string,
  body: unknown,
): Promise<Reply> {
  try {
    if (handler === undefined) return { error: `knows no "${question}"` };
    return { answer: await handler(body) };
  } catch (error) {
    return { error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}
