/** What an agent says about its host when it registers. */
import os from 'node:os';
import type { wire } from '@waybill/protocol';

export type HostFacts = Readonly<
  Partial<
    Pick<
      wire.AgentRegister,
      | 'platform'
      | 'arch'
      | 'version'
      | 'hostname'
      | 'osRelease'
      | 'osVersion'
      | 'totalMemoryMb'
      | 'cpuCount'
      | 'nodeVersion'
      | 'runningAsUser'
      | 'runningAsUid'
    >
  >
>;

const bytesPerMb = 1_048_576;

export function hostFacts(version?: string): HostFacts {
  return {
    platform: os.platform(),
    arch: os.arch(),
    ...(version === undefined ? {} : { version }),
    hostname: os.hostname(),
    osRelease: os.release(),
    osVersion: os.version(),
    totalMemoryMb: Math.round(os.totalmem() / bytesPerMb),
    cpuCount: os.cpus().length,
    nodeVersion: process.versions.node,
    ...account(),
  };
}

/** The load of the host, for `agent.status`. */
export const hostLoad = (): Readonly<{
  memoryUsedMb: number;
  memoryAvailableMb: number;
  uptimeSeconds: number;
}> => ({
  memoryUsedMb: Math.round((os.totalmem() - os.freemem()) / bytesPerMb),
  memoryAvailableMb: Math.round(os.freemem() / bytesPerMb),
  uptimeSeconds: Math.round(os.uptime()),
});

function account(): HostFacts {
  try {
    const { username, uid } = os.userInfo();
    return { runningAsUser: username, runningAsUid: uid };
  } catch {
    // A user id without an entry in the system's list, as in many containers.
    return {};
  }
}
