import { describe, expect, it } from 'vitest';
import { agentDraft, agentEventBodies } from '../src/agent-event.ts';
import { headersOf } from '../src/envelope.ts';
import { JOB, ORG, RUN } from '../src/run.fixture.ts';
import { fullMeta } from '../src/run-event.fixture.ts';
import { runEventBodies } from '../src/run-event.ts';
import { runDraft } from '../src/run-message.ts';
import { streamNames } from '../src/streams.ts';
import { parseSubject } from '../src/subjects.ts';
import { receivedDraft } from '../src/trigger.ts';
import { generated } from './generate.ts';
import { headerTable, subjectTree } from './log-sections.ts';

const page = generated().get('docs/events.md') ?? '';

describe('docs/events.md', () => {
  it('has every stream, every event, and a description of every field', () => {
    for (const name of streamNames) expect(page).toContain(`| \`${name}\` |`);
    const types = [
      ...Object.keys(runEventBodies),
      ...Object.keys(agentEventBodies).map((type) => `agent.${type}`),
    ];
    for (const type of [...types, 'trigger.received', 'trigger.decided'])
      expect(page).toContain(`### ${type}\n`);
    expect(
      page.split('\n').filter((line) => /^\| `\w+` \|.*\| (yes|no) \|\s*\|$/.test(line)),
    ).toEqual([]);
  });

  it('links to sections that it has', () => {
    const anchors = new Set(
      [...page.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
        title
          .toLowerCase()
          .replaceAll(/[^\w -]/g, '')
          .replaceAll(' ', '-'),
      ),
    );
    const links = [...page.matchAll(/\]\(#([^)]*)\)/g)].map(([, anchor]) => anchor);
    expect(links.length).toBeGreaterThan(20);
    expect(links.filter((anchor) => !anchors.has(anchor ?? ''))).toEqual([]);
  });

  it.each(subjectTree)('%s is what its builder makes', (pattern, example) => {
    expect(parseSubject(example)).toBeDefined();
    const like = pattern.replaceAll(/<\w+>/g, '[A-Za-z0-9_-]+').replaceAll('.', String.raw`\.`);
    expect(example).toMatch(new RegExp(`^wb\\.v1\\.${like}$`));
  });

  it('shows a subject of every family', () => {
    const families = new Set(subjectTree.map(([, example]) => parseSubject(example)?.family));
    expect(families).toEqual(
      new Set([
        'agent',
        'agentlog',
        'config',
        'dead',
        'gate',
        'heartbeat',
        'log',
        'run',
        'run-to',
        'trigger',
      ]),
    );
  });

  it('explains every header, and none that is not written', () => {
    const written = [
      headersOf(
        runDraft({
          org: ORG,
          runId: RUN,
          type: 'job.queued',
          meta: fullMeta,
          body: { jobId: JOB },
        }),
      ),
      headersOf(
        receivedDraft({
          org: ORG,
          source: 's',
          triggerId: 't',
          kind: 'manual',
          event: 'e',
          deliveryId: 'd',
          digest: 'x',
          requestId: 'r',
          body: '',
        }),
      ),
      headersOf(
        agentDraft({
          org: ORG,
          agentId: 'a',
          type: 'registered',
          id: 'i',
          gateway: 'g',
          scalerManaged: true,
          body: '',
        }),
      ),
    ];
    const names = new Set(written.flatMap((headers) => Object.keys(headers)));
    expect(
      headerTable
        .map(([name]) => name)
        .filter((name) => name !== 'wb-http-…')
        .toSorted(),
    ).toEqual([...names].toSorted());
  });
});
