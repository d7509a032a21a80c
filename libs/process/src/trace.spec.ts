import { expect, test } from 'vitest';
import { childTraceparent, newTraceparent, parseTraceparent } from './trace.ts';

const known = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

test('a traceparent reads as trace, span and whether it is sampled', () => {
  expect(parseTraceparent(known)).toEqual({
    traceId: '0af7651916cd43dd8448eb211c80319c',
    spanId: 'b7ad6b7169203331',
    sampled: true,
  });
  expect(parseTraceparent(newTraceparent())).toBeDefined();
});

test('a later version may be longer, and the first one may not', () => {
  expect(parseTraceparent(`${known.replace('00-', '01-')}-more`)).toBeDefined();
  expect(parseTraceparent(`${known}-more`)).toBeUndefined();
});

test.each([
  '',
  known.toUpperCase(),
  known.slice(0, -1),
  known.replace('00-', 'ff-'),
  `00-${'0'.repeat(32)}-b7ad6b7169203331-01`,
  `00-0af7651916cd43dd8448eb211c80319c-${'0'.repeat(16)}-01`,
  `${known}\n`,
])('"%s" is no traceparent', (text) => {
  expect(parseTraceparent(text)).toBeUndefined();
});

test('a child keeps the trace and whether it is sampled, and has a span of its own', () => {
  const child = parseTraceparent(childTraceparent(known.replace(/01$/, '00')));
  expect(child).toMatchObject({ traceId: '0af7651916cd43dd8448eb211c80319c', sampled: false });
  expect(child?.spanId).not.toBe('b7ad6b7169203331');
  expect(parseTraceparent(childTraceparent('garbage'))).toBeDefined();
});
