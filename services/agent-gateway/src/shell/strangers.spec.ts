import { expect, it } from 'vitest';
import { limits } from '../domain/limits.ts';
import { openStrangers, UNKNOWN } from './strangers.ts';

const { strangersFew, strangersMax, strangersOfAddressMax } = limits;

it('one address takes its share of the places for strangers, and not those of others', () => {
  const strangers = openStrangers<number>();
  for (let index = 0; index < strangersOfAddressMax; index++) strangers.came(index, '192.0.2.1');
  expect(strangers.hasRoom('192.0.2.1')).toBe(false);
  expect(strangers.hasRoom('192.0.2.2')).toBe(true);
  strangers.known(0);
  expect(strangers.hasRoom('192.0.2.1')).toBe(true);
});

it('those of whom nobody asked count for every address', () => {
  const strangers = openStrangers<number>();
  for (let index = 0; strangers.areFew(); index++) strangers.came(index, UNKNOWN);
  for (let index = strangersFew; index < strangersOfAddressMax; index++) {
    expect(strangers.hasRoom('192.0.2.1')).toBe(true);
    strangers.came(index, '192.0.2.1');
  }
  expect(strangers.hasRoom('192.0.2.1')).toBe(false);
  expect(strangers.hasRoom('192.0.2.2')).toBe(true);
});

it('all addresses together take no more than there are, and a place is given back once', () => {
  const strangers = openStrangers<number>();
  for (let index = 0; index < strangersMax; index++) strangers.came(index, `192.0.2.${index}`);
  expect(strangers.hasRoom('198.51.100.1')).toBe(false);
  strangers.known(5);
  strangers.known(5);
  expect(strangers.hasRoom('198.51.100.1')).toBe(true);
  strangers.came(-1, '198.51.100.1');
  expect(strangers.hasRoom('198.51.100.2')).toBe(false);
});
