/** The dispatcher and the scheduler: whoever has work for the agents, and knows what became of it. */
import { dispatcherService } from '@waybill/dispatcher';
import { Config as DispatcherConfig } from '@waybill/dispatcher/config';
import { createLogger, type Host, readConfig, startParts, systemClock } from '@waybill/process';
import { schedulerService } from '@waybill/scheduler';
import { Config as SchedulerConfig } from '@waybill/scheduler/config';
import { Links } from '../measure/link.ts';
import { answerAs } from '../measure/role-process.ts';

answerAs({
  begin: async (body) => {
    const { nats } = Links.parse(body);
    const env = {
      LOG_LEVEL: 'warn',
      NATS_URL: nats.url,
      NATS_USER: nats.user,
      NATS_PASSWORD: nats.password,
    };
    const host: Host = { clock: systemClock, log: createLogger({ name: 'bench', level: 'warn' }) };
    const running = await startParts(
      [
        schedulerService(readConfig(SchedulerConfig, env), host),
        dispatcherService(readConfig(DispatcherConfig, env), host),
      ],
      host,
    );
    void running.failed.then((error) => {
      throw error;
    });
  },
});
