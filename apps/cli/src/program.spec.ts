import { describe, expect, it } from 'vitest';
import { waybill } from './waybill.fixture.ts';

describe('the command line', () => {
  it.each([
    [['--help'], 0],
    [['help', 'runs'], 0],
    [['runs', 'ls', '--help'], 0],
    [[], 2],
    [['runs'], 2],
    [['bogus'], 2],
    [['runs', 'bogus'], 2],
    [['verify'], 2],
    [['streams', 'ls'], 2],
    [['runs', 'ls', '--bogus'], 2],
    [['runs', 'get'], 2],
    [['runs', 'get', 'a', 'b'], 2],
    [['runs', 'ls', '--limit', '0'], 2],
    [['runs', 'ls', '--url', 'ftp://x'], 2],
    [['runs', 'get', 'x', '--at', 'soon'], 2],
    [['trigger', '--source', 'x'], 2],
    [['up', '--durability', 'sometimes'], 2],
    [['runs', 'create', '-f', 'missing.json', '--url', 'http://127.0.0.1:9'], 2],
    [['runs', 'ls'], 78],
    [['up', '--port', 'x'], 78],
    [['runs', 'ls', '--url', 'http://127.0.0.1:9'], 69],
    [['projections', 'status'], 69],
  ])('%j ends with %d', async (argv, code) => expect(await waybill(argv)).toMatchObject({ code }));

  it('answers an unknown command with the one that was probably meant', async () => {
    const { err, out } = await waybill(['trigge']);
    expect(err).toContain("unknown command 'trigge'");
    expect(err).toContain('trigger');
    expect(out).toBe('');
  });

  it('names every variable that is wrong, and what was probably meant', async () => {
    const { code, err } = await waybill(['up'], { WAYBILL_PRT: '1', LOG_LEVEL: 'loud' });
    expect(code).toBe(78);
    expect(err).toContain('WAYBILL_PRT: is unknown: did you mean WAYBILL_PORT?');
    expect(err).toContain('LOG_LEVEL');
  });

  it('names the option that is wrong, and what it may be', async () => {
    const { code, err } = await waybill(['orgs', 'set', '--dispatch-ack-timeout', '10ms']);
    expect(code).toBe(2);
    expect(err).toContain('--dispatch-ack-timeout: must be 1000 ms or more');
  });

  it('says how to find Waybill when it does not know where it is', async () => {
    const { err } = await waybill(['runs', 'ls']);
    expect(err).toContain('waybill up');
    expect(err).toContain('--url');
  });
});
