/** The CPU profiler of this process: only between start and stop, so that no start-up is in the profile. */
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';

const session = new Session();
const sampleEveryMicros = 500;

export async function startProfile(): Promise<void> {
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: sampleEveryMicros });
  await session.post('Profiler.start');
}

/** Writes what developer tools read as a `.cpuprofile`. */
export async function stopProfile(file: string): Promise<void> {
  const { profile } = await session.post('Profiler.stop');
  session.disconnect();
  writeFileSync(file, JSON.stringify(profile));
}
