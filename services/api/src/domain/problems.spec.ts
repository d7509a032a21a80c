import { expect, it } from 'vitest';
import { type ProblemCode, problemBody, problems, retryAfterOf } from './problems.ts';

const codes = Object.keys(problems) as ProblemCode[]; // the record's keys are its type

it('every problem has a status of an error, a title and a fix, and says when to come back if it passes by itself', () => {
  for (const code of codes) {
    const { status, title, fix } = problems[code];
    expect(code).toMatch(/^[a-z]+(-[a-z0-9]+)*$/);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(title).toMatch(/^[A-Z].*[^.]$/);
    expect(fix).toMatch(/\.$/);
    expect(retryAfterOf(code) === undefined).toBe(status !== 503);
  }
});

it('a problem is written with its code, its detail and the request', () => {
  expect(problemBody({ code: 'not-found' }, 'r-1')).toEqual({
    type: 'urn:waybill:problem:not-found',
    title: 'There is nothing here',
    status: 404,
    code: 'not-found',
    detail: 'There is nothing here.',
    fix: problems['not-found'].fix,
    requestId: 'r-1',
  });
  const errors = [{ path: 'a', message: 'b' }];
  expect(problemBody({ code: 'request-invalid', detail: 'x', errors }, 'r')).toMatchObject({
    detail: 'x',
    errors,
  });
});
