/** The headers of an append, encoded once for all its tries: of a header object the client asks for nothing but the bytes. */
import { type MsgHdrs, MsgHdrsImpl } from '@nats-io/nats-core';

class EncodedHeaders extends MsgHdrsImpl {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    super();
    this.#bytes = bytes;
  }

  override encode(): Uint8Array {
    return this.#bytes;
  }
}

const encoder = new TextEncoder();

/** Throws for a line break, with which a value would become a header of its own. */
export function outgoingHeaders(record: Readonly<Record<string, string>>): MsgHdrs {
  let text = 'NATS/1.0\r\n';
  for (const name in record) {
    const value = record[name] ?? '';
    if (value.includes('\n') || value.includes('\r') || name.includes('\n') || name.includes(':')) {
      throw new TypeError(`the header ${JSON.stringify(name)} has a line break`);
    }
    text += `${name}: ${value}\r\n`;
  }
  return new EncodedHeaders(encoder.encode(`${text}\r\n`));
}
