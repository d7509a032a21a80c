/** The projector's service as specs start it, and the wait for it to have folded what the log has. */
import { type Service, systemClock } from '@waybill/process';
import { eventually } from '@waybill/process/testing';
import type { ReadModel } from '@waybill/readmodel';
import { projectionStatus } from './projections.ts';
import { projectorService } from './service.ts';
import type { Bench } from './shell/projector.fixture.ts';

export { type Bench, dump, foldAll, startBench } from './shell/projector.fixture.ts';

export type StartedProjector = Readonly<{
  service: Service;
  failures: readonly Error[];
  ready(): Promise<boolean>;
}>;

export async function startProjector(
  bench: Bench,
  schema: string,
  databaseUrl = bench.databaseUrl,
): Promise<StartedProjector> {
  const failures: Error[] = [];
  const { url, user, password } = bench.nats;
  const config = {
    LOG_LEVEL: 'error',
    NATS_URL: url,
    NATS_USER: user,
    NATS_PASSWORD: password,
    DATABASE_URL: databaseUrl,
    S3_REGION: 'us-east-1',
    WAYBILL_LOG_ARCHIVE_DELAY: 0,
  } as const;
  const service = projectorService(config, { clock: systemClock, log: bench.log }, { schema });
  await service.start(new AbortController().signal, (error) => failures.push(error));
  const ready = async (): Promise<boolean> => {
    const answers = await Promise.allSettled(
      service.checks.map(async (check) => (await check.check()).ready),
    );
    return answers.every((answer) => answer.status === 'fulfilled' && answer.value);
  };
  return { service, failures, ready };
}

export const upToDate = (bench: Bench, model: ReadModel): Promise<boolean> =>
  eventually(
    async () => {
      const status = await projectionStatus({ ...bench, model });
      return status.every(({ lag, checkpoint }) => lag === 0 && checkpoint > 0);
    },
    { what: 'the projection has caught up', withinMs: 20_000 },
  );
