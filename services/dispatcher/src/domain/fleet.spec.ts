/** Which agent gets a job: by what it offers, by its load, and by what it has said or let pass. */
import { type AgentEvent, requirementOf } from '@waybill/protocol';
import { history } from '@waybill/protocol/fixtures';
import { describe, expect, it } from 'vitest';
import type { Demand } from './exchange.ts';
import { createFleet, type Fleet, type Holder } from './fleet.ts';
import { smallLog } from './small-log.fixture.ts';

const demand = (runsOn: readonly string[] = [], agent?: string, org = 'main'): Demand => ({
  org,
  fits: requirementOf(runsOn),
  agent,
});

const attempt: Holder = { agentId: 'agent-7', session: 7 };

type Log = ReturnType<typeof smallLog>;

/** The gateway of all agents is there. */
function fleetThere(onRoom: (demand: Demand) => void = () => undefined): Fleet<Demand> {
  const fleet = createFleet<Demand>(onRoom);
  fleet.heardGateway('gateway.g.1', true);
  return fleet;
}
function fleetOf(tell: (log: Log) => void, onRoom: (demand: Demand) => void = () => undefined) {
  const log = smallLog();
  tell(log);
  const fleet = fleetThere(onRoom);
  for (const event of log.agents) fleet.heardAgent(event);
  return { log, fleet };
}
const tellMore = (fleet: Fleet<Demand>, log: Log, tell: () => void): void => {
  const from = log.agents.length;
  tell();
  for (const event of log.agents.slice(from)) fleet.heardAgent(event);
};
/** Who would get it. */
function pick(fleet: Fleet<Demand>, asked: Demand = demand()): string | undefined {
  fleet.post(asked);
  const picked = fleet.pick(asked);
  fleet.unpost(asked);
  return picked?.agentId;
}

describe('the fleet', () => {
  it('picks an agent that fits, the least loaded, then the longest idle, then by name', () => {
    const { fleet } = fleetOf((log) => {
      log.registers('c', { labels: ['linux'], capacity: 4 });
      log.registers('b', { labels: ['linux', 'gpu'], capacity: 4 });
      log.registers('a', { labels: ['linux'], capacity: 4 });
    });
    expect(pick(fleet, demand(['gpu']))).toBe('b');
    expect(pick(fleet, demand(['linux']))).toBe('c');
    fleet.hold('main', 'c', 1);
    expect(pick(fleet, demand(['linux']))).toBe('b');
    expect(pick(fleet, demand(['linux', '!gpu']))).toBe('a');
    expect(pick(fleet, demand(['lin*']))).toBe('b');
    expect(pick(fleet, demand(['mac']))).toBeUndefined();
    expect(pick(fleet, demand([], undefined, 'other'))).toBeUndefined();
  });

  it('keeps jobs that do not ask for a taint from its agents', () => {
    const { fleet } = fleetOf((log) => log.registers('a', { labels: ['linux', 'taint:gpu'] }));
    expect(pick(fleet, demand(['linux']))).toBeUndefined();
    expect(pick(fleet, demand(['linux', 'gpu']))).toBe('a');
  });

  it('gives a pinned job to the agent that it names, and only where that one fits', () => {
    const { fleet } = fleetOf((log) => {
      log.registers('a', { labels: ['linux'] });
      log.registers('b', { labels: ['mac'] });
    });
    expect(pick(fleet, demand([], 'b'))).toBe('b');
    expect(pick(fleet, demand(['linux'], 'b'))).toBeUndefined();
    fleet.hold('main', 'b', 1);
    expect(pick(fleet, demand([], 'b'))).toBeUndefined();
  });

  it('takes an agent that says nothing of its capacity for one job, offers on their way counted', () => {
    const { fleet } = fleetOf((log) => log.registers('a'));
    fleet.reserve('main a');
    expect(pick(fleet)).toBeUndefined();
    fleet.release('main a');
    expect(pick(fleet)).toBe('a');
  });

  it('is not touched by the late end of an older session, nor by one that is said again', () => {
    const { fleet, log } = fleetOf((log) => {
      log.registers('a');
      log.registers('a');
      log.agent('disconnected', 'a', { session: 1, code: 1006, reason: '' });
      log.agent('present', 'a', { agentId: 'a', labels: ['old'], session: 1 });
    });
    const asked = demand();
    fleet.post(asked);
    expect(fleet.pick(asked)?.session).toBe(2);
    tellMore(fleet, log, () =>
      log.agent('disconnected', 'a', { session: 2, code: 1006, reason: '' }),
    );
    expect(fleet.pick(asked)).toBeUndefined();
  });

  it('knows a session whose registration the log no longer keeps by its being said again', () => {
    const { fleet } = fleetOf((log) =>
      log.agent('present', 'a', { agentId: 'a', labels: ['linux'], session: 1 }),
    );
    const asked = demand(['linux']);
    fleet.post(asked);
    expect(fleet.pick(asked)?.session).toBe(1);
  });

  it('tells the lines that an agent fits when it gets room, and no others', () => {
    const told: Demand[] = [];
    const { fleet, log } = fleetOf(
      () => undefined,
      (line) => told.push(line),
    );
    const [linux, mac, pinned] = [demand(['linux']), demand(['mac']), demand([], 'a')];
    for (const each of [linux, mac, pinned]) fleet.post(each);
    tellMore(fleet, log, () => log.registers('a', { labels: ['linux'] }));
    expect(told).toEqual([linux, pinned]);
    fleet.hold('main', 'a', 1);
    expect(told).toHaveLength(2);
    fleet.hold('main', 'a', -1);
    expect(told).toHaveLength(4);
  });

  it('asks whether labels fit once for each kind of agent, however many agents and picks there are', () => {
    let asked = 0;
    const { fleet } = fleetOf((log) => {
      for (let at = 0; at < 2_000; at += 1)
        log.registers(`a${at}`, { labels: ['linux', `zone-${at % 10}`] });
    });
    const line = {
      ...demand(),
      fits: (labels: ReadonlySet<string>) => {
        asked += 1;
        return labels.has('linux');
      },
    };
    fleet.post(line);
    for (let at = 0; at < 2_000; at += 1) {
      const picked = fleet.pick(line);
      if (picked !== undefined) fleet.reserve(picked.key);
    }
    expect(fleet.pick(line)).toBeUndefined();
    expect(asked).toBe(10);
  });
});

describe('an agent that is passed over', () => {
  const offered = () => {
    const h = history();
    h.created();
    h.offered(1, 7);
    return h;
  };
  const fleetWith = (event: Parameters<Fleet<Demand>['heardRun']>[0]) => {
    const fleet = fleetThere();
    fleet.heardAgent(registered(7));
    fleet.heardRun(event, attempt);
    return fleet;
  };
  const place = (seq: number, at: number) => ({
    org: 'main',
    agentToken: 'agent-7',
    seq,
    at,
    id: `a${seq}`,
    meta: { id: `a${seq}`, source: '', agentId: 'agent-7', session: 7 },
    gateway: 'g/1',
    scalerManaged: false,
  });
  const registered = (seq: number): AgentEvent => ({
    ...place(seq, 1),
    type: 'registered',
    body: { agentId: 'agent-7', labels: [] },
  });
  const status = (at: number, activeJobs = 0): AgentEvent => ({
    ...place(9, at),
    type: 'status',
    body: { activeJobs },
  });
  const room = (fleet: Fleet<Demand>) => {
    const asked = demand();
    fleet.post(asked);
    return fleet.pick(asked)?.room;
  };

  it('is one that said busy, until it reports room behind that', () => {
    const h = offered();
    const fleet = fleetWith(h.reject(1, 7));
    expect(pick(fleet)).toBeUndefined();
    fleet.heardAgent(status(h.at() - 1, 0));
    fleet.heardAgent(status(h.at() + 1, 1));
    expect(pick(fleet)).toBeUndefined();
    fleet.heardAgent(status(h.at() + 2, 0));
    expect(room(fleet)).toBe('reported');
  });

  it('has room where it says so in the millisecond of its busy, in whatever order they come', () => {
    const h = offered();
    const busy = h.reject(1, 7);
    const after = fleetWith(busy);
    after.heardAgent(status(h.at(), 0));
    expect(room(after)).toBe('reported');
    const before = fleetThere();
    before.heardAgent(registered(7));
    before.heardAgent(status(h.at(), 0));
    before.heardRun(busy, attempt);
    expect(room(before)).toBe('reported');
  });

  it('is asked again as a last resort, and then nobody knows whether it has room', () => {
    const h = offered();
    const fleet = fleetWith(h.reject(1, 7));
    const due = h.at() + 300_000;
    expect(fleet.nextDue()).toBe(due);
    fleet.askAgain(due - 1);
    expect(pick(fleet)).toBeUndefined();
    fleet.askAgain(due);
    expect(room(fleet)).toBe('assumed');
    expect(fleet.nextDue()).toBeUndefined();
  });

  it('shows room by ending a job, and not by its progress', () => {
    const h = offered();
    const fleet = fleetWith(h.reject(1, 7));
    fleet.heardRun(h.status(1, 7, 'running'), attempt);
    expect(pick(fleet)).toBeUndefined();
    fleet.heardRun(h.status(1, 7, 'success'), attempt);
    expect(room(fleet)).toBe('reported');
  });

  it('is not the one whose busy is older than its last report of room, in whatever order they come', () => {
    const h = offered();
    const busy = h.reject(1, 7);
    const fleet = fleetThere();
    fleet.heardAgent(registered(7));
    fleet.heardAgent(status(h.at() + 1));
    fleet.heardRun(busy, attempt);
    expect(room(fleet)).toBe('reported');
  });

  it('has shown only as much room as it said: the next offer is made on trust', () => {
    const h = offered();
    const fleet = fleetThere();
    fleet.heardAgent(registered(7));
    expect(room(fleet)).toBe('assumed');
    fleet.heardAgent(status(h.at() + 1));
    expect(room(fleet)).toBe('reported');
    fleet.heardRun(h.offered(2, 7), attempt);
    expect(room(fleet)).toBe('assumed');
  });

  it('is one that let an offer expire, drains or is lost, until it registers again', () => {
    for (const make of [
      (h: ReturnType<typeof offered>) => h.expired(1),
      (h: ReturnType<typeof offered>) => h.reject(1, 7, 'draining'),
      (h: ReturnType<typeof offered>) => h.lost(1, 7, true),
    ]) {
      const h = offered();
      const event = make(h);
      const fleet = fleetWith(event);
      fleet.heardAgent(status(h.at() + 1));
      fleet.askAgain(h.at() + 600_000);
      expect(pick(fleet)).toBeUndefined();
      fleet.heardAgent(registered(20));
      expect(pick(fleet)).toBe('agent-7');
      fleet.heardRun(event, attempt);
      expect(pick(fleet)).toBe('agent-7');
    }
  });

  it('is known though its registration is read behind what its runs say of it', () => {
    const h = offered();
    const fleet = fleetThere();
    fleet.heardRun(h.expired(1), attempt);
    fleet.heardAgent(registered(7));
    expect(pick(fleet)).toBeUndefined();
  });

  it('is one that a person drains, across its sessions, until that is undone', () => {
    const { fleet, log } = fleetOf((log) => {
      log.agent('draining', 'a', { draining: true, by: 'anna' });
      log.registers('a');
    });
    expect(pick(fleet)).toBeUndefined();
    tellMore(fleet, log, () => log.registers('a'));
    expect(pick(fleet)).toBeUndefined();
    tellMore(fleet, log, () => log.agent('draining', 'a', { draining: false, by: 'anna' }));
    expect(pick(fleet)).toBe('a');
  });

  it('is one that is said again as drained, where that word has aged out, until it is said otherwise', () => {
    const there = { agentId: 'a', labels: ['linux'], session: 1 };
    const { fleet, log } = fleetOf((log) =>
      log.agent('present', 'a', { ...there, draining: { since: 1, by: 'anna' } }),
    );
    expect(pick(fleet)).toBeUndefined();
    tellMore(fleet, log, () => log.registers('a'));
    expect(pick(fleet)).toBeUndefined();
    tellMore(fleet, log, () => log.agent('present', 'a', there));
    expect(pick(fleet)).toBeUndefined();
    tellMore(fleet, log, () => log.agent('present', 'a', { ...there, draining: null }));
    expect(pick(fleet)).toBe('a');
  });

  it('is one whose gateway does not hold its lease, whether it lost it or nobody has told of it', () => {
    const { fleet, log } = fleetOf((log) => {
      log.registers('a', { gateway: 'dead/1' });
      log.registers('b', { gateway: 'gw/abc' });
    });
    expect(pick(fleet)).toBeUndefined();
    fleet.heardGateway('gateway.gw.abc', true);
    expect(pick(fleet)).toBe('b');
    fleet.heardGateway('gateway.gw.abc', false);
    expect(pick(fleet)).toBeUndefined();
    fleet.heardGateway('gateway.gw.abc', true);
    expect(pick(fleet)).toBe('b');
    // The lease may be told of first.
    fleet.heardGateway('gateway.gw.def', true);
    tellMore(fleet, log, () => log.registers('c', { gateway: 'gw/def' }));
    expect(pick(fleet, demand([], 'c'))).toBe('c');
  });

  it('is told of as soon as its gateway is known to be there', () => {
    const told: Demand[] = [];
    const { fleet } = fleetOf(
      (log) => log.registers('a', { gateway: 'gw/abc' }),
      (line) => told.push(line),
    );
    const asked = demand();
    fleet.post(asked);
    told.length = 0;
    fleet.heardGateway('gateway.gw.abc', true);
    expect(told).toEqual([asked]);
  });
});

describe('a saved fleet', () => {
  it('is restored as it was, but for loads, which its runs tell', () => {
    const { fleet, log } = fleetOf((log) => {
      log.registers('a', { labels: ['x'], capacity: 2 });
      log.registers('b', { gateway: 'gw/1' });
      log.agent('draining', 'c', { draining: true, by: 'anna' });
      log.agent('status', 'a', { activeJobs: 0 }, 1);
    });
    fleet.heardGateway('gateway.gw.1', true);
    const restored = fleetThere();
    restored.restore(fleet.save());
    expect(restored.save()).toEqual(fleet.save());
    // Whether its gateway is there has to be heard again.
    expect(pick(restored, demand([], 'b'))).toBeUndefined();
    restored.heardGateway('gateway.gw.1', true);
    expect(pick(restored, demand([], 'b'))).toBe('b');
    tellMore(restored, log, () => log.registers('c'));
    expect(pick(restored, demand([], 'c'))).toBeUndefined();
    expect(pick(restored, demand(['x']))).toBe('a');
  });

  it('of another version is refused, and nothing is changed by it', () => {
    const fleet = fleetThere();
    expect(() => fleet.restore(['{"version":0}', 'not even a line'])).toThrow('another version');
    expect(() => fleet.restore([])).toThrow('another version');
    expect(fleet.save()).toHaveLength(1);
  });

  it('forgets sessions whose registration never came', () => {
    const h = history();
    h.created();
    const offer = h.offered(1, 7);
    const fleet = fleetThere();
    fleet.heardRun(offer, attempt);
    expect(fleet.save()).toHaveLength(1);
  });
});
