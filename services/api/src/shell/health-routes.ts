/** `/healthz`: the process is alive. `/readyz`: it should be given work, with the reason where it should not. */
import type { FastifyInstance } from 'fastify';
import { answering, ok } from './answer.ts';
import type { ApiContext } from './api-context.ts';

export function healthRoutes(app: FastifyInstance, api: ApiContext): void {
  app.get(
    '/healthz',
    answering(async () => ok({ status: 'ok' })),
  );
  app.get(
    '/readyz',
    answering(async () => {
      const report = await api.gate.ready();
      return { status: report.ready ? 200 : 503, body: report };
    }),
  );
}
