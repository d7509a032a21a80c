import { describe, expect, it } from 'vitest';
import { meaningOf } from './answer.ts';

const meaning = (code: number, errCode: number, description = '') =>
  meaningOf({ code, errCode, description });

describe('an error in the answer to an append', () => {
  it('is a wrong sequence whether settled or in flight', () => {
    expect(meaning(400, 10_071)).toBe('wrong-sequence');
    expect(meaning(400, 10_164)).toBe('wrong-sequence');
  });

  it('is a full stream only when a limit is named, and not when the disk fails', () => {
    expect(meaning(503, 10_077, 'maximum bytes exceeded')).toBe('stream-full');
    expect(meaning(503, 10_077, 'maximum messages per subject exceeded')).toBe('stream-full');
    expect(meaning(503, 10_077, 'write /data: no space left on device')).toBe('again');
    expect(meaning(400, 10_047)).toBe('stream-full');
  });

  it('is tried again when the server is in trouble', () => {
    expect(meaning(503, 10_008, 'JetStream system temporarily unavailable')).toBe('again');
    expect(meaning(503, 10_023, 'insufficient resources')).toBe('again');
  });

  it('is a refusal otherwise', () => {
    expect(meaning(400, 10_054)).toBe('too-large');
    expect(meaning(404, 10_059)).toBe('no-stream');
    expect(meaning(400, 10_165, 'invalid per-message TTL')).toBe('not-permitted');
  });
});
