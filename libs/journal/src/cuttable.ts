/**
 * A source of bytes as the client library takes it, which can be cut: nobody pulls any more, and the source hears of it. What
 * the source itself has thrown is told apart from what the library throws.
 */
export type Cuttable = Readonly<{
  stream: ReadableStream<Uint8Array>;
  /** What the source itself has thrown. */
  readonly failure: Error | undefined;
  /** Nobody takes more of it. */
  cut(reason: unknown): void;
}>;

export function cuttable(chunks: AsyncIterator<Uint8Array>): Cuttable {
  let failure: Error | undefined;
  let reason: unknown;
  const stream = new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        if (reason !== undefined) return controller.error(reason);
        try {
          const next = await chunks.next();
          if (next.done === true) controller.close();
          else controller.enqueue(next.value);
        } catch (error) {
          failure = error instanceof Error ? error : new Error(String(error));
          controller.error(error);
        }
      },
    },
    { highWaterMark: 0 },
  );
  return {
    stream,
    get failure() {
      return failure;
    },
    cut: (why) => {
      reason = why;
      chunks.return?.(undefined).catch(() => undefined);
    },
  };
}
