/**
 * The form of every proof: a complete message as it was sent, and for each of its fields what was read back elsewhere. A field that
 * the schema declares and the proof leaves out fails it, so that no message grows a field that nobody proves.
 */
import { wire } from '@waybill/protocol';
import { expect } from 'vitest';

type Sent = Readonly<{ type: string }> & Readonly<Record<string, unknown>>;

const schemas = new Map(
  Object.values(wire.wireMessages)
    .flat()
    .map((schema) => [wire.typeOf(schema), schema]),
);

/** The fields that the schema of a message declares beside its type. */
export function fieldsOf(type: string): readonly string[] {
  const shape = schemas.get(type)?.shape;
  if (shape === undefined) throw new Error(`there is no message ${type}`);
  return Object.keys(shape).filter((field) => field !== 'type');
}

/** `elsewhere`: fields that another test proves, as the list of proofs says. */
export function readsBack(
  sent: Sent,
  read: Readonly<Record<string, unknown>>,
  elsewhere: readonly string[] = [],
): void {
  const declared = fieldsOf(sent.type).filter((field) => !elsewhere.includes(field));
  expect(Object.keys(read).toSorted(), `the fields of ${sent.type}`).toEqual(declared.toSorted());
  for (const field of declared) {
    expect(sent[field], `${sent.type} was sent with ${field}`).toBeDefined();
    expect(read[field], `${field} of ${sent.type}`).toEqual(sent[field]);
  }
}

/** Of a frame that came: every field that the schema declares is there. */
export function hasFields(
  frame: Sent,
  fields: readonly string[],
  elsewhere: readonly string[] = [],
): void {
  const declared = fieldsOf(frame.type).filter((field) => !elsewhere.includes(field));
  expect([...fields].toSorted(), `the fields of ${frame.type}`).toEqual(declared.toSorted());
  for (const field of fields) expect(frame[field], `${field} of ${frame.type}`).toBeDefined();
}
