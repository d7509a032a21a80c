import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { agentContract } from '../agent-contract.fixture.ts';

const found = spawnSync('python3', ['-c', 'import sys; sys.exit(sys.version_info < (3, 9))']);

agentContract({
  name: 'the Python agent',
  program: 'python3',
  main: fileURLToPath(new URL('agent.py', import.meta.url)),
  missing: found.status === 0 ? undefined : 'there is no python3 of 3.9 or newer here',
});
