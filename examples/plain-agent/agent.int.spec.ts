import { fileURLToPath } from 'node:url';
import { agentContract } from '../agent-contract.fixture.ts';

agentContract({
  name: 'the plain agent',
  program: process.execPath,
  main: fileURLToPath(new URL('agent.mjs', import.meta.url)),
});
