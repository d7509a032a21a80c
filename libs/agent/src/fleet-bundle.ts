/**
 * The agent's answer to a question about its health: a ZIP of its newest operational lines and of what it is and does, in
 * frames. What it says of itself is listed here, so nothing that is secret can get into it.
 */
import { type Clock, safeError } from '@waybill/process';
import type { wire } from '@waybill/protocol';
import { strToU8, zipSync } from 'fflate';
import type { LogLine } from './agent-log.ts';

export type BundleSource = Readonly<{
  recent(o: Readonly<{ sinceMs: number; bytesMax: number }>): readonly LogLine[];
  diagnostics(): Readonly<Record<string, unknown>>;
}>;

/** Raw bytes of one frame; base64 makes a third more of it. */
const frameBytesMax = 85 * 1_024;
const hourMs = 3_600_000;

/** The frames that answer the request; one that says why, where they cannot be made. */
export function bundleFrames(
  request: wire.FleetLogsRequest,
  source: BundleSource,
  clock: Clock,
): readonly (wire.FleetBundleChunk | wire.FleetBundleError)[] {
  const { requestId } = request;
  try {
    const bytes = zip(request, source, clock);
    const frames: wire.FleetBundleChunk[] = [];
    for (let at = 0; at < bytes.length; at += frameBytesMax) {
      const part = bytes.subarray(at, at + frameBytesMax);
      frames.push({
        type: 'fleet.bundle.chunk',
        requestId,
        seq: frames.length,
        isLast: at + frameBytesMax >= bytes.length,
        dataB64: Buffer.from(part).toString('base64'),
      });
    }
    return frames;
  } catch (error) {
    return [{ type: 'fleet.bundle.error', requestId, message: safeError(error).message }];
  }
}

function zip(
  { logWindowHours, maxBytes }: wire.FleetLogsRequest,
  source: BundleSource,
  clock: Clock,
): Uint8Array {
  const lines = source.recent({
    sinceMs: clock.now() - logWindowHours * hourMs,
    bytesMax: maxBytes,
  });
  const log = lines.map(({ text }) => `${text}\n`).join('');
  return zipSync({
    'agent.log': strToU8(log),
    'diagnostics.json': strToU8(`${JSON.stringify(source.diagnostics(), null, 2)}\n`),
  });
}
