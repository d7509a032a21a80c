/** What comes in at the doors and is refused there: requests, rule files, webhooks, agents. */
import { TriggerDecided, wire } from '@waybill/protocol';
import { codes, given, type Source, texts } from './source.ts';
import {
  captures,
  membersOf,
  textsAfter,
  textsBetween,
  textsLike,
  textsOfCalls,
} from './source-search.ts';

export const http: readonly Source[] = [
  texts(
    'Mistakes in a request',
    textsOfCalls(['services/api/src/domain/json-text.ts'], /\brefuse/, 2),
  ),
  texts(
    'Mistakes in a request',
    textsAfter(['services/api/src/domain/json-text.ts'], /\bmessage: /),
  ),
  texts('Mistakes in a request', textsLike(['services/api/src/shell/request-read.ts'], /^must /)),
  texts(
    'Mistakes in a request',
    textsAfter(['services/api/src/shell/read-model-query.ts'], /\bmessage: /),
  ),
  texts(
    'Not ready',
    textsAfter(['libs/process/src/', 'services/'], /ready: false,\s*reason: (?=['`])/),
  ),
  texts('Not ready', textsAfter(['services/projector/src/shell/'], /\b(?:reason|why) = (?=')/)),
  texts('Not ready', textsLike(['services/projector/src/'], /^another projector /)),
  texts(
    'Rule files and run requests',
    textsAfter(
      [
        'services/api/src/domain/mistake.ts',
        'services/api/src/shell/rule-routes.ts',
        'libs/protocol/src/needs.ts',
      ],
      /\bmessage(?:: | =\s)/,
    ),
  ),
  texts(
    'Rule files and run requests',
    captures(['services/api/src/shell/rule-file.ts'], /[?:] '([^']+)';?$/gm),
  ),
  texts(
    'Rule files and run requests',
    textsLike(
      ['libs/protocol/src/run-request.ts', 'libs/protocol/src/rule.ts'],
      /^(?:must|a need|a job|a run) /,
    ),
  ),
  codes('Rule files and run requests', membersOf('libs/protocol/src/needs.ts', 'code:'), 1),
  codes('What became of a trigger', given(TriggerDecided.shape.decision.options)),
  texts(
    'What became of a trigger',
    textsAfter(['services/dispatcher/src/domain/run-plan.ts'], /\bimpossible: /),
    1,
  ),
];

const gateway = ['services/agent-gateway/src/'];
const emission = ['services/agent-gateway/src/domain/emission.ts'];
const sessions = ['services/agent-gateway/src/domain/session-protocol.ts'];

export const agents: readonly Source[] = [
  codes('Error frames', captures(sessions, /code: '([A-Z_]+)'/g)),
  texts('Error frames', textsOfCalls(sessions, /\brefuse/, 1), 1),
  texts('Error frames', textsOfCalls(['libs/protocol/src/wire/frame.ts'], /\brefuse/, 1), 1),
  texts(
    'Error frames',
    textsLike(['libs/protocol/src/wire/frame.ts', ...gateway], /^expected an? /),
    1,
  ),
  texts('Refused agents', textsOfCalls(sessions, /\bdenied/, 0)),
  texts('Refused agents', textsOfCalls(['libs/agent/src/link.ts'], /\bsuper/, 0)),
  codes(
    'Close codes',
    given(
      Object.values(wire.wireCloseCodes)
        .filter(({ sent }) => sent)
        .map(({ code }) => String(code)),
    ),
  ),
  codes('Close codes', captures(gateway, /code: (1\d{3})\b/g)),
  texts('Close codes', textsOfCalls(gateway, /\bclose/, 1), 1),
  texts('Close codes', textsOfCalls(gateway, /\bclosing/, 2), 1),
  texts('Close codes', textsBetween(sessions.join(''), /const LATE = \{/, /as const/), 1),
  texts('Close codes', captures(gateway, /code: [^\n]*reason: '([^']+)'/g), 1),
  codes('Violations', membersOf('libs/protocol/src/wire/frame.ts', 'FrameRefusalCode =')),
  codes('Violations', textsOfCalls(gateway, /\b(?:violation|broken)/, 0)),
  codes('Violations', captures(sessions, /\bcode = '([\w-]+)'/g)),
  texts(
    'Violations',
    textsOfCalls(['services/agent-gateway/src/domain/speaker.ts'], /\bforeign/, 0),
    1,
  ),
  codes('Cancelled by the gateway', textsOfCalls(gateway, /\bseat\.stop/, 1)),
  codes('Cancelled by the gateway', captures(gateway, /const STALE = '(\w+)'/g)),
  texts(
    'Events that are not taken',
    textsBetween(emission.join(''), /const refusals = \{/, /as const/),
  ),
  texts('Events that are not taken', textsLike(emission, /^(?:eventName|target|payload)[ .]/)),
  texts(
    'Requests that get nothing',
    captures(
      gateway,
      /(?:const (?:NOT_YOURS|AWAY|TAKEN) = |replyTo\(message, |const error = )['`](the (?:job|method|artifact) [^'`]+|there is no storage[^']+|another job of the run[^']+)['`]/g,
    ),
  ),
];
