/**
 * The one way to the api. Answers come back as JSON values; a refusal (problem+json) and an unreachable server become one
 * error with its exit code and what to do. The API key is never repeated.
 */
import { registerSecretValue } from '@waybill/process';
import { CliError, exits } from '../cli-error.ts';
import { problemError } from './problem.ts';
import { type ServerSentEvent, serverSentEvents } from './server-sent-event.ts';

export type Query = Readonly<Record<string, string | number | undefined>>;
export type Body = Readonly<{ type: string; content: string | Uint8Array<ArrayBuffer> }>;
export type Sending = Readonly<{ body: Body; headers?: Readonly<Record<string, string>> }>;

export type EventOptions = Readonly<{
  query?: Query;
  lastEventId?: string | undefined;
  signal?: AbortSignal;
  /** The server has accepted the connection. */
  onOpen?: () => void;
}>;

export type Client = Readonly<{
  url: string;
  org: string;
  get(path: string, query?: Query): Promise<unknown>;
  post(path: string, sending: Sending): Promise<unknown>;
  put(path: string, sending: Sending): Promise<unknown>;
  patch(path: string, sending: Sending): Promise<unknown>;
  delete(path: string): Promise<unknown>;
  /** Bytes as they come, from wherever the api sends to; posts what is given. */
  download(path: string, sending?: Sending): Promise<Response>;
  /** One connection: it ends when the server ends it, or breaks with an `unavailable` error. */
  events(path: string, o: EventOptions): AsyncIterable<ServerSentEvent>;
  /** `/v1/orgs/<org>` before a path of the organisation. */
  inOrg(path: string): string;
}>;

export type ClientOptions = Readonly<{ url: string; org: string; apiKey: string | undefined }>;

export function createClient({ url, org, apiKey }: ClientOptions): Client {
  if (apiKey !== undefined) registerSecretValue(apiKey, { keep: true });
  const authorization: Readonly<Record<string, string>> =
    apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };

  const send = async (path: string, init: RequestInit, query: Query = {}): Promise<Response> => {
    const target = new URL(url + path);
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) target.searchParams.set(name, String(value));
    let response: Response;
    try {
      response = await fetch(target, {
        ...init,
        headers: { ...authorization, ...Object.fromEntries(new Headers(init.headers)) },
      });
    } catch (error) {
      if (init.signal?.aborted === true) throw error;
      throw unreachable(url, error);
    }
    if (!response.ok) throw await problemError(response, url);
    return response;
  };

  const write = async (
    method: string,
    path: string,
    { body, headers }: Sending,
  ): Promise<unknown> =>
    bodyOf(
      await send(path, {
        method,
        body: body.content,
        headers: { 'content-type': body.type, ...headers },
      }),
      url,
    );

  return {
    url,
    org,
    inOrg: (path) => `/v1/orgs/${org}${path}`,
    get: async (path, query) =>
      bodyOf(await send(path, { headers: { accept: 'application/json' } }, query), url),
    post: (path, sending) => write('POST', path, sending),
    put: (path, sending) => write('PUT', path, sending),
    patch: (path, sending) => write('PATCH', path, sending),
    delete: async (path) => bodyOf(await send(path, { method: 'DELETE' }), url),
    download: (path, sending) =>
      send(
        path,
        sending === undefined
          ? {}
          : {
              method: 'POST',
              body: sending.body.content,
              headers: { 'content-type': sending.body.type, ...sending.headers },
            },
      ),
    events: async function* (path, { query, lastEventId, signal, onOpen }) {
      const headers = {
        accept: 'text/event-stream',
        ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
      };
      const response = await send(
        path,
        { headers, ...(signal === undefined ? {} : { signal }) },
        query,
      );
      onOpen?.();
      if (response.body === null) return;
      try {
        yield* serverSentEvents(response.body);
      } catch (error) {
        if (signal?.aborted === true || error instanceof CliError) throw error;
        throw unreachable(url, error);
      }
    },
  };
}

async function bodyOf(response: Response, url: string): Promise<unknown> {
  try {
    return await response.json();
  } catch (error) {
    throw new CliError(
      exits.failure,
      `${url} answered something that is not JSON: is it Waybill?`,
      { cause: error },
    );
  }
}

const unreachable = (url: string, cause: unknown): CliError =>
  new CliError(
    exits.unavailable,
    `Waybill cannot be reached at ${url}. Start it with \`waybill up\`, or name another place with --url or WAYBILL_URL.`,
    {
      cause: cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause,
    },
  );
