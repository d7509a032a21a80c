/** The runners that scalers of one home have started, as the system sees them: by the environment of their processes. */
import { readdirSync, readFileSync } from 'node:fs';

export type ScaledAgent = Readonly<{ agentId: string; pid: number }>;

/** `home`: of the scaler. What has ended and is not taken leave of yet does not count. */
export function scaledAgents(home: string): readonly ScaledAgent[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const variables = environmentOf(name);
      const agentId = variables.get('WAYBILL_AGENT_ID');
      const isOurs = variables.get('WAYBILL_RUNNER_DIR')?.startsWith(`${home}/scaler/`) === true;
      return isOurs && agentId !== undefined ? [{ agentId, pid: Number(name) }] : [];
    });
}

function environmentOf(pid: string): ReadonlyMap<string, string> {
  try {
    const lines = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
    return new Map(
      lines.map((line) => {
        const at = line.indexOf('=');
        return [line.slice(0, at), line.slice(at + 1)] as const;
      }),
    );
  } catch {
    return new Map();
  }
}
