import { expect, it } from 'vitest';
import { gatewayId, gatewayOfLease, leaseOfGateway, leasesOfGatewayId } from './gateway-name.ts';

it('a gateway and its lease name each other', () => {
  expect(leaseOfGateway('eu-1/0abc')).toBe('gateway.eu-1.0abc');
  expect(gatewayOfLease('gateway.eu-1.0abc')).toBe('eu-1/0abc');
  expect(gatewayId('eu-1/0abc')).toBe('eu-1');
  expect(leaseOfGateway('eu-1/0abc').startsWith(leasesOfGatewayId('eu-1'))).toBe(true);
});
