import { createKeyRing, createLogger, systemClock } from '@waybill/process';
import { currentAttempt, foldRun, wire } from '@waybill/protocol';
import { history } from '@waybill/protocol/fixtures';
import { describe, expect, it } from 'vitest';
import { offerFrame } from './offer-frame.ts';

async function framed(config: Readonly<Record<string, unknown>>): Promise<unknown> {
  const log = history();
  log.created([{ name: 'build', config }]);
  log.offered(1, 7);
  const run = foldRun(log.events);
  const [job] = run.jobs;
  const attempt = job && currentAttempt(job);
  if (job === undefined || attempt === undefined) throw new Error('no offer');
  const bytes = Buffer.byteLength(JSON.stringify(log.events));
  const place = { org: 'main', runId: run.created?.runId ?? '', extended: false, host: {} };
  const logger = createLogger({ name: 'test', level: 'silent' });
  return offerFrame(
    { ring: await createKeyRing(), objects: undefined, clock: systemClock, log: logger },
    { run, bytes, verdict: 'valid' },
    { job, attempt },
    place,
  );
}

describe('the frame of an offer', () => {
  it('is the dispatch, where there is nothing to open', async () => {
    expect(await framed({})).toMatchObject({ type: 'job.dispatch' });
  });

  it('is not made where it would be larger than a frame may be', async () => {
    const { frameBytesMax: max } = wire.wireLimits;
    const made = await framed({ padding: 'x'.repeat(max) });
    expect(made).toMatchObject({ cause: 'dispatch_too_big', about: { max } });
  });
});
