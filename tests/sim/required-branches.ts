/** The rare branches that a run of seeds must have taken: what no seed reaches is proven by none. */

/** So many seeds are enough to have reached all of them. */
export const requiredFrom = 300;

const required: readonly string[] = [
  'resolution:accepted',
  'resolution:expired:ack_timeout',
  'resolution:rejected:busy',
  'resolution:rejected:draining',
  'resolution:withdrawn:agent_absent',
];

export const missing = (branches: Readonly<Record<string, number>>): readonly string[] =>
  required.filter((name) => (branches[name] ?? 0) === 0);
