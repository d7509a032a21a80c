/**
 * The simulated network between agents and gateways: connections whose frames keep their order and take their time, until a cut
 * loses what is under way. A cut may be noticed by one side, by both or by none for a long while.
 */
import { z } from 'zod';
import type { Life } from './life.ts';
import type { World } from './world.ts';

/** What one end of a connection is told. */
export type EndEvents = Readonly<{
  opened(wire: Wire): void;
  frame(text: string): void;
  ping(): void;
  pong(): void;
  closed(code: number, reason: string): void;
}>;

type Parcel = Readonly<{ kind: 'frame' | 'ping' | 'pong' | 'close'; text: string; code: number }>;
export type End = {
  readonly life: Life;
  events: EndEvents | undefined;
  isClosed: boolean;
  nextMs: number;
};

export type Wire = Readonly<{
  client: End;
  server: End;
  send(from: End, parcel: Parcel): void;
  /** To the client, from somebody on the way. */
  slip(parcel: Parcel): void;
  /** The end is gone without a word; the other side notices it sooner or later. */
  drop(end: End, noticeMs: number): void;
  /** Nothing passes any more, and nobody is told. */
  sever(): void;
  isOpen(): boolean;
}>;

export type NetworkState = {
  /** Of a frame from an agent, that it arrives twice. */
  teeChance: number;
  slowChance: number;
  slowMs: number;
  /** Of a frame, that the link is cut with it. */
  cutChance: number;
};

export type Door = Readonly<{ life: Life; knock(wire: Wire): void }>;

export type Network = Readonly<{
  state: NetworkState;
  /** Names of those whom nothing reaches. */
  isolated: Set<string>;
  listen(host: string, door: Door): void;
  dial(host: string, life: Life, client: End): void;
  wires(): readonly Wire[];
  /** The agent is told that it may start its last job, under a fence that is not the job's. */
  grantFalsely(agent: string): void;
  /** When a frame is handed to the network; `onFrame` when it arrives. */
  onSent(listener: (from: End, text: string, over: Wire) => void): void;
  onFrame(listener: (from: Life, to: Life, text: string, over: Wire) => void): void;
  onClose(listener: (end: Life, code: number) => void): void;
}>;

const refusedCode = 1006;
const Dispatched = z.looseObject({
  runId: z.string(),
  jobId: z.string(),
  attempt: z.number().optional(),
  fence: z.number().optional(),
});

export function openNetwork(world: World): Network {
  const { random } = world;
  const doors = new Map<string, Door>();
  const isolated = new Set<string>();
  const wires = new Set<Wire>();
  const frameListeners: ((from: Life, to: Life, text: string, over: Wire) => void)[] = [];
  const sentListeners: ((from: End, text: string, over: Wire) => void)[] = [];
  const dispatched = new Map<Life, string>();
  const closeListeners: ((end: Life, code: number) => void)[] = [];
  const state: NetworkState = { teeChance: 0, slowChance: 0, slowMs: 0, cutChance: 0 };

  const latency = (): number =>
    random.between(0.2, 2) +
    (random.chance(state.slowChance) ? random.between(0, state.slowMs) : 0);

  const connect = (client: End, door: Door): Wire => {
    const server: End = { life: door.life, events: undefined, isClosed: false, nextMs: 0 };
    let isSevered = false;
    const other = (end: End): End => (end === client ? server : client);

    const close = (end: End, code: number, reason: string): void => {
      if (end.isClosed) return;
      end.isClosed = true;
      if (client.isClosed && server.isClosed) wires.delete(wire);
      for (const listener of closeListeners) listener(end.life, code);
      end.events?.closed(code, reason);
    };
    const deliver = (to: End, { kind, text, code }: Parcel): void => {
      if (to.isClosed) return;
      switch (kind) {
        case 'frame':
          if (text.includes('"type":"job.dispatch"')) dispatched.set(to.life, text);
          for (const listener of frameListeners) listener(other(to).life, to.life, text, wire);
          return to.events?.frame(text);
        case 'ping':
          wire.send(to, { kind: 'pong', text: '', code: 0 });
          return to.events?.ping();
        case 'pong':
          return to.events?.pong();
        case 'close':
          if (!other(to).isClosed) wire.send(to, { kind: 'close', text, code });
          close(to, code, text);
      }
    };
    const transmit = (to: End, parcel: Parcel): void => {
      to.nextMs = Math.max(to.nextMs, world.now() + latency());
      const what =
        parcel.kind === 'frame' ? `gets ${parcel.text.slice(0, 60)}` : `gets ${parcel.kind}`;
      world.schedule(to.nextMs - world.now(), to.life, what, () => {
        if (!isSevered) deliver(to, parcel);
      });
    };
    const drop = (end: End, noticeMs: number): void => {
      const there = other(end);
      world.schedule(0, end.life, 'hangs up', () => close(end, refusedCode, ''));
      world.schedule(noticeMs, there.life, 'finds its peer gone', () => {
        if (!isSevered) close(there, refusedCode, '');
      });
    };
    const orphan = (end: End): void => {
      end.isClosed = true;
      if (other(end).isClosed) wires.delete(wire);
      else drop(end, random.between(0.2, 5));
    };
    const wire: Wire = {
      client,
      server,
      send: (from, parcel) => {
        if (from.life.isFrozen) {
          from.life.outgoing.push(() => wire.send(from, parcel));
          return;
        }
        const to = other(from);
        if (isSevered || !from.life.isAlive || to.isClosed || !to.life.isAlive) return;
        if (parcel.kind === 'frame')
          for (const listener of sentListeners) listener(from, parcel.text, wire);
        if (parcel.kind === 'frame' && random.chance(state.cutChance)) return cut(wire);
        transmit(to, parcel);
        const isDoubled =
          from === client && parcel.kind === 'frame' && random.chance(state.teeChance);
        if (isDoubled) transmit(to, parcel);
      },
      slip: (parcel) => transmit(client, parcel),
      drop,
      sever: () => {
        isSevered = true;
      },
      isOpen: () => !isSevered && !client.isClosed && !server.isClosed,
    };
    /** Both sides are told, each in its own time. */
    const cut = (of: Wire): void => {
      of.sever();
      for (const end of [client, server])
        world.schedule(random.between(0, 1_000), end.life, 'is cut off', () =>
          close(end, refusedCode, ''),
        );
    };
    wires.add(wire);
    for (const end of [client, server]) end.life.onEnd.push(() => orphan(end));
    return wire;
  };

  return {
    state,
    isolated,
    listen: (host, door) => {
      doors.set(host, door);
      door.life.onEnd.push(() => {
        if (doors.get(host) === door) doors.delete(host);
      });
    },
    dial: (host, life, client) => {
      const names = [...doors.keys()].filter((name) => name.startsWith(host));
      const door = names.length === 0 ? undefined : doors.get(random.pick(names));
      if (door === undefined) {
        world.schedule(latency(), life, 'is refused', () => {
          client.isClosed = true;
          client.events?.closed(refusedCode, '');
        });
        return;
      }
      world.schedule(latency(), door.life, `is dialled by ${life.name}`, () => {
        // The dialling of an isolated one gets no answer at all.
        if (client.isClosed || !life.isAlive || isolated.has(life.name)) return;
        const wire = connect(client, door);
        door.knock(wire);
        world.schedule(latency(), life, 'is connected', () => {
          if (!client.isClosed) client.events?.opened(wire);
        });
      });
    },
    wires: () => [...wires],
    grantFalsely: (agent) => {
      const wire = [...wires].find((each) => each.isOpen() && each.client.life.name === agent);
      const text = wire && dispatched.get(wire.client.life);
      if (wire === undefined || text === undefined) return;
      const { runId, jobId, attempt = 1, fence = 0 } = Dispatched.parse(JSON.parse(text));
      const granted = { type: 'job.granted', runId, jobId, attempt, fence: fence + 1_000 };
      wire.slip({ kind: 'frame', text: JSON.stringify(granted), code: 0 });
    },
    onSent: (listener) => void sentListeners.push(listener),
    onFrame: (listener) => void frameListeners.push(listener),
    onClose: (listener) => void closeListeners.push(listener),
  };
}
