/** Bytes on their way to and from the addresses that Waybill gives. */
import { createHash } from 'node:crypto';
import { expect } from 'vitest';

export const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex');

export async function put(url: unknown, body: string): Promise<void> {
  expect((await fetch(String(url), { method: 'PUT', body })).status, `PUT ${String(url)}`).toBe(
    200,
  );
}
