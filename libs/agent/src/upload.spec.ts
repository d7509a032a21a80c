import { describe, expect, it } from 'vitest';
import { reachableUrl } from './upload.ts';

describe('an address of storage', () => {
  it.each([
    [
      'http://localhost:9000/a?x=1',
      'wss://waybill.example.org/ws',
      'http://waybill.example.org:9000/a?x=1',
    ],
    ['http://127.0.0.1:9000/a', 'ws://10.0.0.7:7070/ws', 'http://10.0.0.7:9000/a'],
    ['http://[::1]:9000/a', 'ws://[fd00::7]:7070/ws', 'http://[fd00::7]:9000/a'],
    ['https://s3.example.org/a', 'wss://waybill.example.org/ws', 'https://s3.example.org/a'],
    [
      'http://localhost.example.org/a',
      'wss://waybill.example.org/ws',
      'http://localhost.example.org/a',
    ],
    ['', 'wss://waybill.example.org/ws', ''],
  ])('%s of the server %s is %s for an agent', (url, server, reached) => {
    expect(reachableUrl(url, server)).toBe(reached);
  });
});
