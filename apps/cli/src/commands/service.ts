/**
 * `waybill dispatcher` and the other services alone: their `main.ts` as a verb. Without NATS_URL, the servers of a `waybill up`
 * that runs in this home are meant.
 */
import { runAlone } from '@waybill/process';
import { exits } from '../cli-error.ts';
import { homeFolder, readCredentials, readLocalServers } from '../credentials.ts';
import type { Command, Invocation } from '../invocation.ts';
import { runnerMain } from '../local/runner-main.ts';
import type { Terminal } from '../terminal.ts';

type Name = 'api' | 'dispatcher' | 'scheduler' | 'agent-gateway' | 'projector' | 'scaler';
type Environment = Terminal['env'];

export const service =
  (name: Name): Command =>
  async (invocation) => {
    const { terminal } = invocation;
    const env = await environmentFor(name, invocation);
    let code: number = exits.ok;
    const exit = (wanted: number): void => {
      code = wanted;
      terminal.exit(wanted);
    };
    const { on, off } = terminal.signals;
    const listening = { on: on.bind(terminal.signals), off: off.bind(terminal.signals) };
    await starters[name]({ ...listening, env, exit, stderr: { write: terminal.err } });
    return code;
  };

type Host = Parameters<typeof runAlone>[3];

const starters: Readonly<Record<Name, (host: Host) => Promise<void>>> = {
  api: async (host) => {
    const [{ Config }, { apiService }] = await Promise.all([
      import('@waybill/api/config'),
      import('@waybill/api'),
    ]);
    await runAlone('api', Config, apiService, host);
  },
  dispatcher: async (host) => {
    const [{ Config }, { dispatcherService }] = await Promise.all([
      import('@waybill/dispatcher/config'),
      import('@waybill/dispatcher'),
    ]);
    await runAlone('dispatcher', Config, dispatcherService, host);
  },
  scheduler: async (host) => {
    const [{ Config }, { schedulerService }] = await Promise.all([
      import('@waybill/scheduler/config'),
      import('@waybill/scheduler'),
    ]);
    await runAlone('scheduler', Config, schedulerService, host);
  },
  'agent-gateway': async (host) => {
    const [{ Config }, { agentGatewayService }] = await Promise.all([
      import('@waybill/agent-gateway/config'),
      import('@waybill/agent-gateway'),
    ]);
    await runAlone('agent-gateway', Config, agentGatewayService, host);
  },
  projector: async (host) => {
    const [{ Config }, { projectorService }] = await Promise.all([
      import('@waybill/projector/config'),
      import('@waybill/projector'),
    ]);
    await runAlone('projector', Config, (config, own) => projectorService(config, own), host);
  },
  scaler: async (host) => {
    const [{ Config }, { scalerService }] = await Promise.all([
      import('@waybill/scaler/config'),
      import('@waybill/scaler'),
    ]);
    const runner = runnerMain();
    await runAlone('scaler', Config, (config, own) => scalerService(config, own, { runner }), host);
  },
};

async function environmentFor(name: Name, { terminal, options }: Invocation): Promise<Environment> {
  const { env, cwd } = terminal;
  if (env['NATS_URL'] !== undefined && env['NATS_URL'] !== '') return env;
  const home = homeFolder(
    typeof options['home'] === 'string' ? options['home'] : env['WAYBILL_HOME'],
    cwd,
  );
  const local = await readLocalServers(home);
  if (local === undefined) return env;
  terminal.err(`waybill: the servers of the Waybill that runs in ${home}; NATS_URL names others\n`);
  const {
    LOG_LEVEL: _,
    WAYBILL_PORT: _port,
    WAYBILL_GATEWAY_LISTEN: _listen,
    monitorUrl: _monitor,
    ...servers
  } = local;
  return { ...servers, ...(name === 'scaler' ? await placesIn(home) : {}), ...env };
}

/** Where a scaler's agents dial, and where they live. */
async function placesIn(home: string): Promise<Environment> {
  const url = (await readCredentials(home))?.url;
  return { WAYBILL_HOME: home, ...(url === undefined ? {} : { WAYBILL_URL: url }) };
}
