/** The api beside the gateway under test: makes work for the kit's agents and says what became of it. */
import { fail } from '../check.ts';
import { isRecord } from '../recorded-frame.ts';

export type ApiAddress = Readonly<{ url: string; org: string; key: string | undefined }>;

export type SeenRun = Readonly<{
  state: string;
  jobState: string;
  attempts: number;
  /** Ids of approvals that wait for somebody. */
  approvals: readonly string[];
}>;

export type WorkDesk = Readonly<{
  /** A run of one job for agents with this label. */
  start(label: string, job?: Readonly<Record<string, unknown>>): Promise<string>;
  run(runId: string): Promise<SeenRun>;
  log(runId: string): Promise<readonly string[]>;
  cancel(runId: string): Promise<void>;
  decide(approvalId: string, decision: 'approve' | 'reject'): Promise<void>;
}>;

const pageMax = 200;

export function openWorkDesk({ url, org, key }: ApiAddress): WorkDesk {
  const base = `${url.replace(/\/+$/, '')}/v1/orgs/${encodeURIComponent(org)}`;
  const call = async (path: string, body?: object): Promise<Readonly<Record<string, unknown>>> => {
    const method = body === undefined ? 'GET' : 'POST';
    const headers = {
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    };
    let response: Response;
    try {
      response = await fetch(base + path, {
        method,
        headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch {
      return fail(`the api cannot be reached at ${url}`);
    }
    const text = await response.text();
    if (!response.ok)
      return fail(`${method} ${path} was answered with ${response.status}: ${text.slice(0, 300)}`);
    const value: unknown = JSON.parse(text === '' ? '{}' : text);
    return isRecord(value) ? value : fail(`${method} ${path} was answered with no object`);
  };
  const listOf = (value: unknown): readonly Readonly<Record<string, unknown>>[] =>
    Array.isArray(value) ? value.filter(isRecord) : [];

  return {
    start: async (label, job = {}) => {
      const steps = [{ name: 'kit', run: 'true' }];
      const { runId } = await call('/runs', {
        jobs: [{ name: 'kit', runsOn: [label], steps, ...job }],
      });
      return typeof runId === 'string' ? runId : fail('POST /runs names no runId');
    },
    run: async (runId) => {
      const run = await call(`/runs/${encodeURIComponent(runId)}`);
      const [job] = listOf(run['jobs']);
      return {
        state: String(run['state']),
        jobState: String(job?.['state']),
        attempts: listOf(job?.['attempts']).length,
        approvals: listOf(job?.['approvals']).flatMap(({ id, state }) =>
          state === 'open' ? String(id) : [],
        ),
      };
    },
    log: async (runId) => {
      const lines: string[] = [];
      let cursor = '';
      for (;;) {
        const next = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
        const page = await call(`/runs/${encodeURIComponent(runId)}/logs?limit=${pageMax}${next}`);
        for (const { lines: some } of listOf(page['items']))
          if (Array.isArray(some)) lines.push(...some.map(String));
        if (typeof page['next'] !== 'string') return lines;
        cursor = page['next'];
      }
    },
    cancel: async (runId) => {
      await call(`/runs/${encodeURIComponent(runId)}/cancel`, { reason: 'the trial is over' });
    },
    decide: async (approvalId, decision) => {
      await call(`/approvals/${encodeURIComponent(approvalId)}/decision`, { decision });
    },
  };
}
