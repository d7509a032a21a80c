/** Authentication: the first exchange on a socket when the agent has a token. */
import { z } from 'zod';
import { secret } from './annotation.ts';
import { id, text } from './field.ts';
import type { Immutable } from './immutable.ts';
import { wireLimits } from './limits.ts';
import { message } from './message.ts';

export const AuthRequest = message(
  'auth.request',
  'The first frame of an agent that has a token.',
  {
    token: secret(z.string().min(1).max(wireLimits.tokenCharsMax)).describe('The agent’s token.'),
    protocolVersion: z.int().min(1).describe('The version that the agent speaks; 1 so far.'),
  },
);
export type AuthRequest = Immutable<z.infer<typeof AuthRequest>>;

export const AuthSuccess = message('auth.success', 'The token is good; the agent registers next.', {
  connectionId: id().describe('Names this connection.'),
});
export type AuthSuccess = Immutable<z.infer<typeof AuthSuccess>>;

export const AuthFailure = message(
  'auth.failure',
  'The token is not good. Existing agents stop for ever after it.',
  { reason: text().describe('Why, for people.') },
);
export type AuthFailure = Immutable<z.infer<typeof AuthFailure>>;
