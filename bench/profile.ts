/**
 * Sums a CPU profile: self time by package and by function, and for our own code also the time
 * below it. Pure; the time in which nothing ran is left out, and so is the profiler's own.
 */
import { z } from 'zod';

const CpuProfile = z.object({
  nodes: z.array(
    z.object({
      id: z.number(),
      callFrame: z.object({ functionName: z.string(), url: z.string(), lineNumber: z.number() }),
      children: z.array(z.number()).optional(),
    }),
  ),
  samples: z.array(z.number()),
  timeDeltas: z.array(z.number()),
});
export type CpuProfile = z.infer<typeof CpuProfile>;
type CallFrame = CpuProfile['nodes'][number]['callFrame'];

export type Share = Readonly<{ name: string; micros: number; share: number }>;

export type ProfileSummary = Readonly<{
  busyMicros: number;
  packages: readonly Share[];
  /** By the service or library that called it: everything below its first function belongs to it. */
  owners: readonly Share[];
  functions: readonly Share[];
  /** Our own functions with everything that they call: shares overlap. */
  inclusive: readonly Share[];
}>;

export const readProfile = (text: string): CpuProfile => CpuProfile.parse(JSON.parse(text));

export function summarise(profile: CpuProfile): ProfileSummary {
  const self = selfTimes(profile);
  const busyMicros = [...self.values()].reduce((sum, micros) => sum + micros, 0);
  const grouped = (nameOf: (frame: CallFrame) => string): readonly Share[] => {
    const sums = new Map<string, number>();
    for (const { id, callFrame } of profile.nodes) add(sums, nameOf(callFrame), self.get(id) ?? 0);
    return sharesOf(sums, busyMicros);
  };
  return {
    busyMicros,
    packages: grouped(packageOf),
    owners: sharesOf(ownerTimes(profile, self), busyMicros),
    functions: grouped(functionOf),
    inclusive: sharesOf(inclusiveTimes(profile, self), busyMicros),
  };
}

function selfTimes({ nodes, samples, timeDeltas }: CpuProfile): ReadonlyMap<number, number> {
  const left = new Set(nodes.filter(({ callFrame }) => isLeftOut(callFrame)).map(({ id }) => id));
  const self = new Map<number, number>();
  for (const [index, id] of samples.entries()) {
    if (!left.has(id)) add(self, id, timeDeltas[index] ?? 0);
  }
  return self;
}

function ownerTimes(
  { nodes }: CpuProfile,
  self: ReadonlyMap<number, number>,
): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const visit = (id: number, above: string | undefined): void => {
    const node = byId.get(id);
    if (node === undefined) return;
    const own = ownFolder(node.callFrame);
    // A service is a better owner than the library that called it back.
    const owner =
      above?.startsWith('services/') === true
        ? above
        : own?.startsWith('services/') === true
          ? own
          : (above ?? own);
    add(sums, owner ?? packageOf(node.callFrame), self.get(id) ?? 0);
    for (const child of node.children ?? []) visit(child, owner);
  };
  for (const id of rootsOf(nodes)) visit(id, undefined);
  return sums;
}

const rootsOf = (nodes: CpuProfile['nodes']): readonly number[] => {
  const children = new Set(nodes.flatMap((node) => node.children ?? []));
  return nodes.map(({ id }) => id).filter((id) => !children.has(id));
};

const isLeftOut = ({ functionName, url }: CallFrame): boolean =>
  functionName === '(idle)' || url === 'node:inspector';

function inclusiveTimes(
  { nodes }: CpuProfile,
  self: ReadonlyMap<number, number>,
): ReadonlyMap<string, number> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const sums = new Map<string, number>();
  const visit = (id: number, open: ReadonlySet<string>): number => {
    const node = byId.get(id);
    if (node === undefined) return 0;
    const name = functionOf(node.callFrame);
    const isOurs = isOwn(node.callFrame);
    // A function that calls itself is counted once, by its outermost call.
    const inner = isOurs && !open.has(name) ? new Set([...open, name]) : open;
    const total = (node.children ?? []).reduce(
      (sum, child) => sum + visit(child, inner),
      self.get(id) ?? 0,
    );
    if (inner !== open) add(sums, name, total);
    return total;
  };
  for (const id of rootsOf(nodes)) visit(id, new Set());
  return sums;
}

function add<K>(sums: Map<K, number>, key: K, micros: number): void {
  sums.set(key, (sums.get(key) ?? 0) + micros);
}

const sharesOf = (sums: ReadonlyMap<string, number>, of: number): readonly Share[] =>
  [...sums]
    .map(([name, micros]) => ({ name, micros, share: of === 0 ? 0 : micros / of }))
    .filter(({ micros }) => micros > 0)
    .sort((a, b) => b.micros - a.micros)
    .slice(0, sharesMax);

/** What is further down says nothing any more. */
const sharesMax = 100;

const OWN = /\/((?:libs|services|apps|bench)\/[^/]+)\/(?!node_modules)/;
const DEPENDENCY = /node_modules\/((?:@[^/]+\/)?[^/]+)/g;

const ownFolder = ({ url }: CallFrame): string | undefined =>
  url.includes('node_modules') ? undefined : OWN.exec(url)?.[1];
const isOwn = (frame: CallFrame): boolean => ownFolder(frame) !== undefined;

function packageOf({ functionName, url }: CallFrame): string {
  if (functionName.startsWith('(')) return functionName;
  const dependency = [...url.matchAll(DEPENDENCY)].at(-1)?.[1];
  if (dependency !== undefined) return dependency;
  if (url.startsWith('node:')) return url.split('/').slice(0, 2).join('/');
  if (url === '') return `native ${functionName}`;
  return OWN.exec(url)?.[1] ?? url;
}

function functionOf({ functionName, url, lineNumber }: CallFrame): string {
  if (functionName.startsWith('(') || url === '') return functionName;
  return `${functionName || '(anonymous)'} ${url.split('/').slice(-3).join('/')}:${lineNumber + 1}`;
}
