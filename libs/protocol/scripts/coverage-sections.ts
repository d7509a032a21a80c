/**
 * The sections of docs/protocol-coverage.md: every message and field of the protocol, what becomes of it, where, and the test that
 * proves it. The fields come from the schemas, the rest from the proofs: what is in only one of them stops the generation.
 */
import { z } from 'zod';
import {
  typeOf,
  type WireDirection,
  type WireMessageSchema,
  wireMessages,
} from '../src/wire/direction.ts';
import { elementOf, fieldsOf, type Schema } from '../src/wire/schema-tree.ts';
import { type Section, table } from './markdown.ts';
import { coverage } from './proofs/every.ts';
import {
  type Coverage,
  type FieldProof,
  type MessageProof,
  type Proof,
  source,
} from './proofs/proof.ts';
import { originOf } from './wire-table.ts';

export type FieldRow = Readonly<{
  message: string;
  /** `object.field` for what is inside an object, a list of objects or a record of them. */
  field: string;
  required: boolean;
  origin: string;
}>;
export type ProvenRow = FieldRow &
  Readonly<{ does: string; handledIn: string; provenBy: readonly Proof[]; runner?: Proof }>;

/** Every field that the schema of a message declares, from the outside in. */
export function fieldRows(schema: WireMessageSchema): readonly FieldRow[] {
  const message = typeOf(schema);
  const descend = (of: Schema, prefix: string): readonly FieldRow[] => {
    const element = elementOf(of);
    if (element !== undefined) return descend(element, prefix);
    return [...fieldsOf(of)].flatMap(([name, field]) => [
      {
        message,
        field: `${prefix}${name}`,
        required: !(field instanceof z.ZodOptional),
        origin: originOf(field),
      },
      ...descend(field, `${prefix}${name}.`),
    ]);
  };
  return descend(schema, '');
}

/** The rows of a message; throws for a field without a proof, and for a proof without a field. */
export function provenRows(
  schema: WireMessageSchema,
  of: Coverage = coverage,
): readonly ProvenRow[] {
  const type = typeOf(schema);
  const proof = of[type];
  if (proof === undefined) throw new Error(`nobody proves the message ${type}`);
  const rows = fieldRows(schema);
  const declared = new Set(rows.map(({ field }) => field));
  const stray = Object.keys(proof.fields).filter((field) => !declared.has(field));
  if (stray.length > 0) throw new Error(`${type} has no field ${stray.join(', ')}`);
  return rows.map((row) => ({ ...row, ...proofOf(proof, row) }));
}

/** Of every message; sent in the other direction it is refused. */
const named: FieldProof = {
  does: 'Names the message; one that goes the other way is refused.',
  handledIn: source.frame,
};

function proofOf(proof: MessageProof, { message, field }: FieldRow) {
  const own = field === 'type' ? named : proof.fields[field];
  if (own === undefined) throw new Error(`nobody proves ${field} of ${message}`);
  const { does, handledIn, provenBy, runner }: FieldProof =
    typeof own === 'string' ? { does: own } : own;
  if (!/^\S.*\.$/.test(does)) throw new Error(`not a sentence: ${field} of ${message}`);
  const both = provenBy === undefined && proof.alsoProvenBy !== undefined;
  return {
    does,
    handledIn: handledIn ?? proof.handledIn,
    provenBy: [
      provenBy ?? proof.provenBy,
      ...(both && proof.alsoProvenBy ? [proof.alsoProvenBy] : []),
    ],
    ...(runner && { runner }),
  };
}

const introduction: Section = () => {
  const schemas = [...new Set(Object.values(wireMessages).flat())];
  const rows = schemas.flatMap((schema) => provenRows(schema));
  return `
# Coverage of the protocol

<!-- Generated from libs/protocol by \`npm run generate\`. Edit libs/protocol/scripts/proofs, not this page. -->

Every message of [the agent protocol](protocol.md) and every field in it: what Waybill does with it, the source that does it, and
the test that proves it over a real socket. ${schemas.length} messages, ${rows.length} fields; none is without a row. A spec
holds this page against the schemas and against the tests that it names.

Where our own runner or SDK does something with what it is sent, its test is named too. What is accepted and not used says so and
why; that it harms nothing is proven like the rest. \`object.field\` is a field inside an object, a list or a record.`;
};

const titles: Readonly<Record<WireDirection, string>> = {
  agent: 'From the agent',
  orchestrator: 'To the agent',
  upstream: 'Upstream',
};

const isShared = (schema: WireMessageSchema): boolean =>
  wireMessages.agent.includes(schema) && wireMessages.orchestrator.includes(schema);

const sectionOf =
  (title: string, schemas: readonly WireMessageSchema[]): Section =>
  () =>
    `## ${title}\n\n${schemas.map(messageSection).join('\n\n')}`;

const directed = (direction: WireDirection): Section =>
  sectionOf(
    titles[direction],
    wireMessages[direction].filter((schema) => !isShared(schema)),
  );

function messageSection(schema: WireMessageSchema): string {
  const rows = provenRows(schema).map(
    ({ field, required, origin, does, handledIn, provenBy, runner }) => [
      `\`${field}\``,
      required ? 'yes' : 'no',
      `${origin}${does}`,
      link(handledIn),
      [...provenBy, ...(runner ? [runner] : [])].map(shown).join('; '),
    ],
  );
  const head = ['field', 'required', 'what it does here', 'handled in', 'proven by'];
  return `### ${typeOf(schema)}\n\n${originOf(schema)}${table(head, rows)}`.replace(
    /(\*\*(?:Observed|Extension)\.\*\*) (?=\|)/,
    '$1\n\n',
  );
}

const link = (file: string): string => `[${file.split('/').at(-1)}](../${file})`;
const shown = ({ file, test }: Proof): string => `${link(file)} “${test}”`;

export const coverageSections: readonly Section[] = [
  introduction,
  sectionOf('Both ways', wireMessages.agent.filter(isShared)),
  directed('agent'),
  directed('orchestrator'),
  directed('upstream'),
];
