/** A list of the api, all pages of it, as one `{ items, next: null }`. */
import type { z } from 'zod';
import { answerAs, pageOf } from './answer.ts';
import type { Client, Query } from './client.ts';

const PAGE = 200;

export type Listed<T> = Readonly<{
  answer: Readonly<{ items: readonly T[]; next: null }>;
  items: readonly T[];
}>;

export async function listAll<S extends z.ZodType>(
  client: Client,
  path: string,
  item: S,
  query: Query = {},
): Promise<Listed<z.infer<S>>> {
  const items: z.infer<S>[] = [];
  let cursor: string | undefined;
  do {
    const answer = await client.get(client.inOrg(path), { ...query, limit: PAGE, cursor });
    const page = answerAs(pageOf(item), answer);
    items.push(...page.items);
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
  return { answer: { items, next: null }, items };
}
