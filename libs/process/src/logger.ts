/**
 * Logs: one JSON object a line with `time`, `level`, `service`, `version`, `msg`, and `trace_id`,
 * `span_id`, `run_id`, `err` where known. Every field passes `redact` and every text `maskSecrets`;
 * there is no other way to the stream.
 */
import { pino } from 'pino';
import { prettyStream } from './pretty-log.ts';
import { redactRecord } from './redaction.ts';
import { safeError } from './safe-error.ts';
import { maskSecrets } from './secret-value.ts';
import { parseTraceparent } from './trace.ts';

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Fields first, then the message; or a message alone; or an error, with or without a message. */
export type LogWrite = (fields: object | string, msg?: string) => void;

export type Logger = Readonly<
  Record<'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal', LogWrite> & {
    level: string;
    silent: () => void;
    child(bindings: object): Logger;
  }
>;

export type LoggerOptions = Readonly<{
  name: string;
  level: string;
  version?: string;
  /** Standard output, written synchronously, when none is given. */
  destination?: NodeJS.WritableStream;
  /** Lines for people instead of JSON: only for a terminal. */
  pretty?: boolean;
  /** Further exact keys to redact, as schemas declare them. */
  secretKeys?: readonly string[];
}>;

export function createLogger(o: LoggerOptions): Logger {
  const base = { service: o.name, ...(o.version === undefined ? {} : { version: o.version }) };
  const options: pino.LoggerOptions = {
    level: o.level,
    base,
    timestamp: pino.stdTimeFunctions.isoTime,
    // Errors are made safe before; pino's own serialiser would write their stacks once more.
    serializers: { err: (safe: unknown) => safe },
    formatters: { level: (label) => ({ level: label }) },
  };
  const plain = o.destination ?? pino.destination({ dest: 1, sync: true });
  const sink = pino(options, o.pretty === true ? prettyStream(plain) : plain);
  return logger(sink, {}, new Set(o.secretKeys));
}

type Fields = Readonly<Record<string, unknown>>;

function logger(sink: pino.Logger, bindings: Fields, secretKeys: ReadonlySet<string>): Logger {
  const write =
    (level: Exclude<LogLevel, 'silent'>): LogWrite =>
    (first, msg) => {
      if (!sink.isLevelEnabled(level)) return;
      if (typeof first === 'string') sink[level](bindings, maskSecrets(first));
      else {
        const fields = { ...bindings, ...safeFields(first, secretKeys) };
        sink[level](fields, maskSecrets(msg ?? messageOf(first)));
      }
    };
  return {
    level: sink.level,
    trace: write('trace'),
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    fatal: write('fatal'),
    silent: () => undefined,
    child: (more) => logger(sink, { ...bindings, ...safeFields(more, secretKeys) }, secretKeys),
  };
}

function messageOf(first: object): string {
  return first instanceof Error ? first.message : '';
}

/** Names that the line has already; a second member of the same name would hide the first. */
const reserved: ReadonlySet<string> = new Set(['level', 'time', 'msg', 'service', 'version']);

function safeFields(fields: object, secretKeys: ReadonlySet<string>): Fields {
  if (fields instanceof Error) return { err: safeError(fields) };
  const entries = Object.entries(redactRecord(fields, secretKeys));
  return Object.fromEntries(
    entries.flatMap(([key, value]) => {
      if (key === 'traceparent' && typeof value === 'string') return traceEntries(value);
      return [[nameOf(key, 'error' in fields && fields.error instanceof Error), value]];
    }),
  );
}

function nameOf(key: string, errorIsError: boolean): string {
  if (key === 'runId') return 'run_id';
  if (key === 'error' && errorIsError) return 'err';
  return reserved.has(key) ? `field_${key}` : key;
}

function traceEntries(traceparent: string): [string, unknown][] {
  const context = parseTraceparent(traceparent);
  if (!context) return [];
  return [
    ['trace_id', context.traceId],
    ['span_id', context.spanId],
  ];
}
