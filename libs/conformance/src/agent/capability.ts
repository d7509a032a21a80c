/** What an agent was seen to do in the whole trial: the matrix at the end of a report. Nothing of it is demanded. */
import { extensionsOf, linesOf, numberOf, type RecordedFrame, textOf } from '../recorded-frame.ts';
import { typeOf } from './work-checks.ts';

export type Capability = Readonly<{ name: string; seen: string }>;

const hostFields = [
  'platform',
  'arch',
  'hostname',
  'osRelease',
  'osVersion',
  'totalMemoryMb',
  'cpuCount',
  'nodeVersion',
  'version',
  'runningAsUser',
  'runningAsUid',
] as const;

export function capabilitiesOf(frames: readonly RecordedFrame[]): readonly Capability[] {
  const of = (type: string): readonly RecordedFrame[] =>
    frames.filter((frame) => frame.type === type);
  const has = (type: string): string => (of(type).length > 0 ? 'yes' : 'not seen');
  const register = of('agent.register').at(-1);
  const room = register === undefined ? undefined : numberOf(register, 'maxConcurrency');
  const announced = register === undefined ? {} : extensionsOf(register);
  const extensions = Object.keys(announced).filter((name) => announced[name] === true);
  const facts = hostFields.filter((name) => register?.fields[name] !== undefined);
  const stepTypes = [...new Set(of('step.status').map(typeOf))].filter(Boolean);
  const perChunk = Math.max(0, ...of('log.chunk').map((chunk) => linesOf(chunk).length));
  const withField = (type: string, field: string): string =>
    of(type).some(({ fields }) => fields[field] !== undefined) ? 'yes' : 'not seen';
  return [
    { name: 'authenticates with a token', seen: has('auth.request') },
    {
      name: 'version',
      seen: register === undefined ? 'not seen' : textOf(register, 'version') || 'not told',
    },
    { name: 'jobs at once', seen: String(room ?? 1) },
    { name: 'facts about its host', seen: `${facts.length} of ${hostFields.length}` },
    { name: 'config.ack', seen: has('config.ack') },
    {
      name: 'job.reject',
      seen:
        [...new Set(of('job.reject').map((frame) => textOf(frame, 'reason')))].join(', ') ||
        'not seen',
    },
    { name: 'lines of one log.chunk, at most', seen: String(perChunk) },
    { name: 'step_type', seen: stepTypes.join(', ') || 'not told' },
    { name: 'secretsAccessed', seen: withField('step.status', 'secretsAccessed') },
    { name: 'logBytesStreamed', seen: withField('step.status', 'logBytesStreamed') },
    { name: 'job.heartbeat', seen: has('job.heartbeat') },
    { name: 'agent.status', seen: has('agent.status') },
    { name: 'agent.log', seen: has('agent.log') },
    { name: 'agent.metrics', seen: has('agent.metrics') },
    { name: 'run.event', seen: has('run.event') },
    { name: 'job.context', seen: has('job.context') },
    { name: 'event.emit', seen: has('event.emit') },
    { name: 'user cache', seen: has('cache.user.restore.request') },
    { name: 'build cache', seen: has('cache.upload.request') },
    { name: 'provenance', seen: has('provenance.upload.request') },
    { name: 'approvals', seen: has('step.approval-request') },
    { name: 'concurrency groups', seen: has('job.concurrency.report') },
    { name: 'agent.api.request', seen: has('agent.api.request') },
    { name: 'diagnostics', seen: has('fleet.bundle.chunk') },
    { name: 'secret outputs', seen: withField('job.status', 'secretOutputs') },
    { name: 'usage', seen: has('usage.report') },
    { name: 'artifacts', seen: has('artifact.upload.request') },
    { name: 'extensions', seen: extensions.join(', ') || 'none' },
  ];
}
