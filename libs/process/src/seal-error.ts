/** Why a seal did not open. It never says anything about the content. */
export class SealError extends Error {
  override readonly name = 'SealError';
  readonly code: 'unknown-key' | 'wrong-context' | 'malformed';

  constructor(code: SealError['code'], message: string) {
    super(message);
    this.code = code;
  }
}
