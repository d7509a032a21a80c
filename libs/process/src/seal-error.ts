/** Why a seal did not open, or a key ring could not be read. It never says anything about the content. */
import { exitCodes } from './exit-code.ts';

export class SealError extends Error {
  override readonly name = 'SealError';
  readonly code: 'unknown-key' | 'wrong-context' | 'malformed';
  /** A start that it ends was configured wrongly. */
  readonly exitCode = exitCodes.config;

  constructor(code: SealError['code'], message: string) {
    super(message);
    this.code = code;
  }
}
