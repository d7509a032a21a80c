/**
 * The fields that messages are made of, each with its bound and, where many messages share it,
 * its description. Ids and labels refuse control characters and lone surrogates, which neither a
 * subject nor a database column can hold.
 */
import { z } from 'zod';
import { extension } from './annotation.ts';
import { wireLimits } from './limits.ts';

const printable = /^[^\p{Cc}\p{Cs}]*$/u;

export const id = (charsMax: number = wireLimits.idCharsMax) =>
  z.string().min(1).max(charsMax).regex(printable);
export const text = (charsMax: number = wireLimits.textCharsMax) => z.string().max(charsMax);
export const shortText = () => text(wireLimits.shortTextCharsMax);
export const name = () => text(wireLimits.nameCharsMax);
export const url = () => text(wireLimits.urlCharsMax);
export const label = () => z.string().min(1).max(wireLimits.labelCharsMax).regex(printable);
export const labels = (listMax: number = wireLimits.labelsMax) => z.array(label()).max(listMax);
export const names = () => z.array(name()).max(wireLimits.namesMax);
export const lines = () => z.array(text(wireLimits.lineCharsMax)).max(wireLimits.linesMax);
export const count = () => z.int().min(0);
export const quantity = () => z.number().min(0);
export const instant = () => z.number().min(0).max(wireLimits.timestampMax);
export const freeRecord = () => z.record(z.string(), z.unknown());

export const messageId = id(wireLimits.messageIdCharsMax).describe(
  'Names this message. Agents may repeat one, so nothing relies on it being unique.',
);
export const runId = id().describe('The run.');
export const jobId = id().describe('The job, as the dispatch named it.');
export const agentId = id(wireLimits.agentIdCharsMax).describe('The agent.');
export const timestamp = instant().describe('When it was sent or happened, in Unix milliseconds.');
export const stepIndex = count().describe('The place of the step in its job, from 0.');
export const stepName = name().describe('The name of the step, for people.');

/** The answer to a request carries the request's id under this name. */
export const requestId = (of: string) =>
  id(wireLimits.messageIdCharsMax).describe(`Ties the answer to its request: ${of}.`);

export const attempt = z.int().min(1).max(wireLimits.attemptMax);
export const fence = count();

/** What an agent that knows the extensions repeats from its dispatch. */
export const echo = {
  attempt: extension(attempt).optional().describe('The attempt, as its dispatch named it.'),
  fence: extension(fence).optional().describe('The fence, as its dispatch named it.'),
};
