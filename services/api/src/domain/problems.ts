/**
 * Every error that the api answers, as data: code, HTTP status, title, and what to do about it. `docs/errors.md` is tested
 * against this table; the one function that writes an error takes its code from here.
 */

type Entry = Readonly<{ status: number; title: string; fix: string; retryAfterS?: number }>;

export const problems = {
  'not-found': {
    status: 404,
    title: 'There is nothing here',
    fix: 'Check the path, the organisation and the id. Ids of other organisations are not found either.',
  },
  unauthorized: {
    status: 401,
    title: 'An API key is needed',
    fix: 'Send "Authorization: Bearer <key>" with a key of this organisation; the first start writes one into credentials.json.',
  },
  'signature-missing': {
    status: 401,
    title: 'The delivery is not signed',
    fix: 'Set the webhook secret at the producer, so that it sends X-Hub-Signature-256 (or X-Waybill-Signature-256).',
  },
  'signature-sha1': {
    status: 401,
    title: 'The delivery is signed with SHA-1 only',
    fix: 'Let the producer send X-Hub-Signature-256; X-Hub-Signature is refused.',
  },
  'signature-invalid': {
    status: 401,
    title: 'The signature does not match',
    fix: 'Compare the secret at the producer with WAYBILL_WEBHOOK_SECRET, and sign the bytes that are sent, not a copy of the JSON.',
  },
  'body-too-large': {
    status: 413,
    title: 'The body is too large',
    fix: 'Send less than the limit that the detail names.',
  },
  'headers-too-many': {
    status: 431,
    title: 'The request has too many headers',
    fix: 'Send fewer headers than the limit that the detail names.',
  },
  'media-type': {
    status: 415,
    title: 'The content type is not taken here',
    fix: 'Send application/json, or what the detail names.',
  },
  'request-malformed': {
    status: 400,
    title: 'The request is not HTTP as it should be',
    fix: 'Check the request line, its path and its headers.',
  },
  'json-malformed': {
    status: 400,
    title: 'The body is not JSON',
    fix: 'Mend the JSON at the line and column that the detail names.',
  },
  'json-duplicate-key': {
    status: 400,
    title: 'The JSON has a key twice',
    fix: 'Give each key of an object once; readers disagree about which one counts.',
  },
  'json-too-deep': {
    status: 400,
    title: 'The JSON is nested too deeply',
    fix: 'Nest objects and lists less deeply than the limit that the detail names.',
  },
  'header-invalid': {
    status: 400,
    title: 'A header is missing or cannot be used',
    fix: 'Send the header that the detail names.',
  },
  'request-invalid': {
    status: 400,
    title: 'The request has mistakes',
    fix: 'Mend what is listed under errors; each has its path.',
  },
  'query-invalid': {
    status: 400,
    title: 'A query parameter cannot be used',
    fix: 'Mend the parameters listed under errors.',
  },
  'rule-invalid': {
    status: 400,
    title: 'The rule has mistakes',
    fix: 'Mend what is listed under errors; each has its line and column.',
  },
  'upgrade-required': {
    status: 426,
    title: 'This is a WebSocket',
    fix: 'Connect with a WebSocket client that sends the API key as bearer token.',
  },
  'source-reserved': {
    status: 400,
    title: 'The source is reserved',
    fix: 'Use another source; runs are asked for at /runs, and events are emitted by steps.',
  },
  'delivery-conflict': {
    status: 409,
    title: 'Another message has this delivery id',
    fix: 'Use a new id for a new message. The message that came first stands.',
  },
  'key-reused': {
    status: 422,
    title: 'The Idempotency-Key was used for another request',
    fix: 'Use a new key for a new request. The request that came first stands.',
  },
  'rule-conflict': {
    status: 409,
    title: 'It is being changed by others',
    fix: 'Read it as it is now, and make your change again.',
  },
  'run-ended': {
    status: 409,
    title: 'The run has ended',
    fix: 'There is nothing left to cancel; read the run for how it ended.',
  },
  'run-pending': {
    status: 409,
    title: 'The run does not exist yet',
    fix: 'Its trigger is stored and not decided; try again in a moment.',
  },
  'approval-settled': {
    status: 409,
    title: 'The approval has ended',
    fix: 'Nothing more is asked; the detail says how it ended.',
  },
  'not-an-approver': {
    status: 403,
    title: 'Somebody else is asked',
    fix: 'Let one of those that the detail names decide, as Waybill-User; teams are set with "waybill orgs set --team".',
  },
  'agent-away': {
    status: 409,
    title: 'The agent is not connected',
    fix: 'Ask again once it is: its logs are with it.',
  },
  'agent-logs-failed': {
    status: 502,
    title: 'The logs of the agent were not collected',
    fix: 'Read the detail; ask for fewer hours or bytes where they are too many, else look at the agent itself.',
  },
  'cursor-stale': {
    status: 410,
    title: 'The log does not reach this place',
    fix: 'Start again without Last-Event-ID: the log was replaced by another one, or restored.',
  },
  'log-unavailable': {
    status: 503,
    title: 'The log did not acknowledge',
    fix: 'Send the same request again, with the same id or key: it is stored once.',
    retryAfterS: 5,
  },
  'log-full': {
    status: 503,
    title: 'The log takes nothing new',
    fix: 'Raise the limit of the stream that the detail names, or give its server more space.',
    retryAfterS: 30,
  },
  'read-model-unavailable': {
    status: 503,
    title: 'The read model cannot be reached',
    fix: 'Check Postgres and DATABASE_URL; what is in the log is not affected.',
    retryAfterS: 5,
  },
  'too-slow': {
    status: 503,
    title: 'The answer took too long',
    fix: 'Try again, with a smaller page.',
    retryAfterS: 5,
  },
  'sequence-not-reached': {
    status: 503,
    title: 'The log has not reached this sequence',
    fix: 'Try again, or ask without minSeq.',
    retryAfterS: 1,
  },
  'streams-exhausted': {
    status: 503,
    title: 'Too many event streams are open',
    fix: 'Close some, or read pages instead.',
    retryAfterS: 10,
  },
  'object-url-invalid': {
    status: 403,
    title: 'The URL permits nothing here',
    fix: 'Use the URL unchanged, with the method that it was given for, or ask for a new one.',
  },
  'object-url-expired': {
    status: 410,
    title: 'The URL has expired',
    fix: 'Ask for a new one, and use it within its time.',
  },
  'object-url-used': {
    status: 409,
    title: 'The URL was used already',
    fix: 'Ask for a new one: each works once.',
  },
  'object-gone': {
    status: 410,
    title: 'The object is gone',
    fix: 'Look for it again; it was evicted, has expired or was removed.',
  },
  'upload-stalled': {
    status: 408,
    title: 'The upload stood still or took too long',
    fix: 'Ask for a new URL and send it again, without pauses.',
  },
  internal: {
    status: 500,
    title: 'Something is broken here',
    fix: 'Look for the requestId in the logs of the api.',
  },
} as const satisfies Readonly<Record<string, Entry>>;

export type ProblemCode = keyof typeof problems;

/** One mistake in what was sent: where, and what is wrong there. */
export type Mistake = Readonly<{ path: string; message: string; line?: number; column?: number }>;

export type Problem = Readonly<{
  code: ProblemCode;
  detail?: string | undefined;
  errors?: readonly Mistake[] | undefined;
}>;

export type ProblemBody = Readonly<{
  type: string;
  title: string;
  status: number;
  code: ProblemCode;
  detail: string;
  fix: string;
  requestId: string;
  errors?: readonly Mistake[];
}>;

export function problemBody(problem: Problem, requestId: string): ProblemBody {
  const { status, title, fix } = problems[problem.code];
  return {
    type: `urn:waybill:problem:${problem.code}`,
    title,
    status,
    code: problem.code,
    detail: problem.detail ?? `${title}.`,
    fix,
    requestId,
    ...(problem.errors === undefined ? {} : { errors: problem.errors }),
  };
}

export const retryAfterOf = (code: ProblemCode): number | undefined => {
  const entry: Entry = problems[code];
  return entry.retryAfterS;
};
