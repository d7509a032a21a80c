import { describe, expect, it } from 'vitest';
import { clientOptions, serversOf } from './client-options.ts';
import { type NatsSettings, natsSettings } from './nats-settings.ts';

const optionsOf = (nats: NatsSettings) => clientOptions(nats, serversOf(nats));

describe('the options of the client', () => {
  it('take user and password from the address, and show neither', async () => {
    const nats = { url: 'nats://some%40one:p%2Fw@one:4222, two:4333' };
    expect(await optionsOf(nats)).toEqual({
      servers: ['one:4222', 'two:4333'],
      user: 'some@one',
      pass: 'p/w',
    });
    expect(serversOf(nats).map(({ host }) => host)).toEqual(['one:4222', 'two:4333']);
  });

  it('prefer settings of their own', async () => {
    const nats = { url: 'someone:old@one:4222', user: 'a', password: 'b' };
    expect(await optionsOf(nats)).toMatchObject({ user: 'a', pass: 'b' });
    expect(await optionsOf({ url: 'someone@one', password: 'b' })).toMatchObject({
      user: 'someone',
      pass: 'b',
    });
  });

  it('take a lone name in the address for a token', async () => {
    expect(await optionsOf({ url: 'nats://secret-token@one' })).toEqual({
      servers: ['one'],
      token: 'secret-token',
    });
  });

  it('ask for TLS when the address or a certificate says so', async () => {
    expect(await optionsOf({ url: 'tls://one:4222' })).toMatchObject({ tls: {} });
    expect(await optionsOf({ url: 'one', ca: 'ca.pem' })).toMatchObject({
      tls: { caFile: 'ca.pem' },
    });
    expect(await optionsOf({ url: 'one' })).toEqual({ servers: ['one'] });
  });

  it('come from the variables that services read', () => {
    const config = { NATS_URL: 'one', NATS_USER: 'u', NATS_PASSWORD: 'p', NATS_KEY: 'k.pem' };
    expect(natsSettings(config)).toMatchObject({
      url: 'one',
      user: 'u',
      password: 'p',
      key: 'k.pem',
    });
  });
});
