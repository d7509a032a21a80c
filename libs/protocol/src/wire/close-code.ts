/** The codes that a socket is closed with, what each means, and what an agent does about it. */
export type WireCloseCode = Readonly<{
  code: number;
  name: string;
  meaning: string;
  /** What agents that exist do. */
  reaction: 'reconnect' | 'stop' | 'none';
  /** False for codes of the protocol that Waybill itself never sends to agents. */
  sent: boolean;
}>;

const closeCode = (
  code: number,
  name: string,
  reaction: WireCloseCode['reaction'],
  meaning: string,
  sent = true,
): WireCloseCode => ({ code, name, meaning, reaction, sent });

export const wireCloseCodes = {
  normal: closeCode(1000, 'normal', 'none', 'An agent says goodbye.', false),
  goingAway: closeCode(
    1001,
    'going-away',
    'reconnect',
    'This gateway stops; another, or the same one again, takes over.',
  ),
  frameTooBig: closeCode(
    1009,
    'frame-too-big',
    'reconnect',
    'A frame was over the limit; nothing of it was read.',
  ),
  tryLater: closeCode(
    1013,
    'try-later',
    'reconnect',
    'The gateway cannot take the connection now.',
  ),
  unauthorized: closeCode(4001, 'unauthorized', 'reconnect', 'Used between orchestrators.', false),
  timeout: closeCode(4002, 'timeout', 'reconnect', 'Authentication or registration took too long.'),
  invalidMessage: closeCode(
    4003,
    'invalid-message',
    'reconnect',
    'A frame was not JSON, came from the wrong side or did not fit its schema; an `error` frame precedes it. Also a clash of agent ids.',
  ),
  heartbeatTimeout: closeCode(
    4004,
    'heartbeat-timeout',
    'reconnect',
    'The agent was silent for too long.',
  ),
  protocolError: closeCode(
    4005,
    'protocol-error',
    'stop',
    'The agent’s protocol version is too old; `auth.failure` precedes it and makes the agent stop.',
  ),
  internal: closeCode(4006, 'internal', 'reconnect', 'Something failed inside.'),
  authFailed: closeCode(
    4010,
    'auth-failed',
    'stop',
    'The token is wrong, revoked, expired or does not cover what the agent claims. The agent stops for good, its process stays up.',
  ),
  nameConflict: closeCode(4011, 'name-conflict', 'reconnect', 'Two clusters have one name.', false),
  planLimit: closeCode(4020, 'plan-limit', 'reconnect', 'A limit of the plan is reached.', false),
  runNotFound: closeCode(4030, 'run-not-found', 'reconnect', 'The run is not known.', false),
  ackTimeout: closeCode(
    4031,
    'ack-timeout',
    'reconnect',
    'A dispatch was not answered by its deadline; the job is offered elsewhere.',
  ),
} as const satisfies Readonly<Record<string, WireCloseCode>>;
