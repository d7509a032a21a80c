/** Diagnostics: an agent packs its logs into an archive and sends it in frames. */
import { z } from 'zod';
import { count, id, quantity, requestId, text } from './field.ts';
import type { Immutable } from './immutable.ts';
import { wireLimits } from './limits.ts';
import { message } from './message.ts';

const ofRequest = () => requestId('`fleet.logs.request`');

export const FleetLogsRequest = message('fleet.logs.request', 'Asks for the agent’s diagnostics.', {
  requestId: id(wireLimits.messageIdCharsMax).describe('Ties the frames of the answer to this.'),
  logWindowHours: quantity().describe('How far back the logs go.'),
  maxBytes: quantity().describe('Raw log bytes, at most.'),
});
export type FleetLogsRequest = Immutable<z.infer<typeof FleetLogsRequest>>;

export const FleetBundleChunk = message('fleet.bundle.chunk', 'One frame of the ZIP archive.', {
  requestId: ofRequest(),
  seq: count().describe('Place of the frame, from 0.'),
  isLast: z.boolean().describe('No frame follows.'),
  dataB64: text(wireLimits.fleetChunkCharsMax).describe('The bytes in base64.'),
});
export type FleetBundleChunk = Immutable<z.infer<typeof FleetBundleChunk>>;

export const FleetBundleError = message(
  'fleet.bundle.error',
  'The archive could not be made or sent.',
  {
    requestId: ofRequest(),
    message: text().describe('Why, for people.'),
  },
);
export type FleetBundleError = Immutable<z.infer<typeof FleetBundleError>>;
