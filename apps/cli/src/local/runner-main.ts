/** The file that a process of the reference runner begins with. */
import { fileURLToPath } from 'node:url';

export const runnerMain = (): string =>
  fileURLToPath(new URL('main.ts', import.meta.resolve('@waybill/runner')));
