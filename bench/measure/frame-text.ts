/** The text of a WebSocket message, as `ws` hands it over by default: in one buffer. */
import type { RawData } from 'ws';

export function frameText(data: RawData): string {
  if (!Buffer.isBuffer(data)) throw new TypeError('a message came in pieces');
  return data.toString('utf8');
}
