/** Where everything is, without a password in it: what runs, and where to look. */
import { join } from 'node:path';
import type { AllInOne } from './all-in-one.ts';

export function placesText({ url, home, servers, identity }: AllInOne): string {
  const { org } = identity.credentials;
  const { nats, postgres } = servers;
  const rows: readonly (readonly [string, string])[] = [
    ['dashboard', `${url}/  (asks for the API key: "apiKey" in ${join(home, 'credentials.json')})`],
    ['API', `${url}/v1/orgs/${org}`],
    ['webhooks', `${url}/hooks/${org}/github  (signed with "webhookSecret")`],
    ['agents', `${url.replace(/^http/, 'ws')}/ws  (with "agentToken")`],
    ['health', `${url}/readyz`],
    [
      'NATS',
      `${withoutPassword(nats.url)}${nats.embedded ? `  nats-server ${nats.version}` : '  (NATS_URL)'}`,
    ],
    [
      'Postgres',
      `${withoutPassword(postgres.url)}${postgres.embedded ? `  ${postgres.version}` : '  (DATABASE_URL)'}`,
    ],
    ['files', home],
  ];
  return rows.map(([name, place]) => `  ${name.padEnd(10)} ${place}\n`).join('');
}

/** One address or several with commas between; user and password are left out. */
export const withoutPassword = (addresses: string): string =>
  addresses
    .split(',')
    .map((address) => address.trim().replace(/^([a-z][a-z0-9+.-]*:\/\/)?[^@/]*@/i, '$1'))
    .join(',');
