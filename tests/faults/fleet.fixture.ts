/** Agents of every manner and agents of our SDK, all with one diary, in the process of the test: they outlive every Waybill. */
import { join } from 'node:path';
import { createAgent } from '@waybill/agent';
import { createLogger, systemClock } from '@waybill/process';
import { type Manner, manners, startSeedAgent } from '../support/seed-agent.ts';
import { openWorkDiary, type WorkDiary } from '../support/work-diary.ts';

export type FaultFleet = Readonly<{
  diary: WorkDiary;
  /** Plain ones, of each manner one unless others are named. */
  join(wanted?: readonly Manner[], how?: How): Promise<void>;
  joinSdk(number: number, workMs?: number): Promise<void>;
  /** Jobs that are at work. */
  busy(): number;
  stop(): Promise<void>;
}>;

/** `name`: told apart from earlier ones by it, and found by it as a label. */
export type How = Readonly<{ name?: string; workMs?: number; thinks?: () => Promise<unknown> }>;

type Options = Readonly<{ urls: readonly string[]; token: () => Promise<string>; folder: string }>;
type Member = Readonly<{ busy(): number; stop(): Promise<unknown> }>;

/** Of no test: long enough to be hit, short enough for many. */
const workMsDefault = 60;

export function openFleet({ urls, token: tokenOf, folder }: Options): FaultFleet {
  const diary = openWorkDiary(join(folder, 'diary.jsonl'));
  const rumours = new Set<string>();
  const members: Member[] = [];
  const log = createLogger({ name: 'fleet', level: 'silent' });

  return {
    diary,
    join: async (wanted = manners, { name, ...how } = {}) => {
      const token = await tokenOf();
      for (const manner of wanted) {
        const agentId =
          name === undefined ? `plain-${manner}` : `plain-${manner}-${members.length}`;
        const labels = name === undefined ? ['any', manner] : [name];
        members.push(
          startSeedAgent({
            urls,
            token,
            agentId,
            labels,
            manner,
            diary,
            workMs: workMsDefault,
            rumours,
            ...how,
          }),
        );
      }
    },
    joinSdk: async (number, workMs = workMsDefault) => {
      const token = await tokenOf();
      for (let index = 0; index < number; index += 1)
        members.push(
          sdkMember({
            url: urls[index % urls.length] ?? '',
            token,
            folder,
            index,
            workMs,
            diary,
            rumours,
            log,
          }),
        );
    },
    busy: () => members.reduce((sum, member) => sum + member.busy(), 0),
    stop: async () => {
      await Promise.all(members.map((member) => member.stop()));
      diary.close();
    },
  };
}

type SdkOptions = Readonly<{
  url: string;
  token: string;
  folder: string;
  index: number;
  workMs: number;
  diary: WorkDiary;
  rumours: Set<string>;
  log: ReturnType<typeof createLogger>;
}>;

function sdkMember(o: SdkOptions): Member {
  const agentId = `sdk.${o.index}.example.net`;
  const agent = createAgent(
    {
      url: o.url,
      token: o.token,
      agentId,
      labels: ['any', 'sdk'],
      maxConcurrency: 2,
      clock: systemClock,
      log: o.log,
      outboxFile: join(o.folder, `${agentId}.json`),
      backoff: { baseMs: 200, capMs: 500 },
    },
    async ({ dispatch, step, log: lines, signal }) => {
      const { runId, jobId: wireJobId, fence = null } = dispatch;
      const entry = { agentId, kind: 'granted', runId, wireJobId, fence } as const;
      o.rumours.add(wireJobId);
      o.diary.write({ ...entry, what: 'start' });
      try {
        step(0, 'work', 'running');
        lines(0, ['working']);
        await systemClock.sleep(o.workMs, signal);
        step(0, 'work', 'success');
        return { state: 'success' };
      } finally {
        o.diary.write({ ...entry, what: 'stop' });
      }
    },
  );
  agent.start();
  return { busy: () => agent.activeJobs, stop: () => agent.stop({ withinMs: 2_000 }) };
}
