/** Credentials that a dispatch carries: for git, and for private package registries. */
import { z } from 'zod';
import { secret } from './annotation.ts';
import { shortText, text, url } from './field.ts';
import type { Immutable } from './immutable.ts';
import { part } from './message.ts';

export const GitAuth = part(
  'GitAuth',
  'How to authenticate a git clone.',
  {
    kind: z.enum(['basic', 'ssh']).describe('HTTPS with user and password, or an SSH key.'),
    user: shortText()
      .optional()
      .describe('User name for `basic`; the provider’s default if absent.'),
    secret: secret(text()).describe('Password or access token, or the private key in PEM.'),
    sshHostKeyPolicy: z
      .enum(['accept-new', 'pinned'])
      .optional()
      .describe('For `ssh`: trust a host when first seen, or only known ones.'),
    sshKnownHostsPem: text().optional().describe('For `ssh`: the content of a known_hosts file.'),
  },
  [
    {
      id: 'git-user-is-basic',
      statement: '`user` is for kind `basic` only',
      when: [{ has: ['user'] }],
      then: [{ at: ['kind'], oneOf: ['basic'] }],
      issueAt: ['user'],
    },
    {
      id: 'git-host-key-policy-is-ssh',
      statement: '`sshHostKeyPolicy` is for kind `ssh` only',
      when: [{ has: ['sshHostKeyPolicy'] }],
      then: [{ at: ['kind'], oneOf: ['ssh'] }],
      issueAt: ['sshHostKeyPolicy'],
    },
    {
      id: 'git-known-hosts-is-ssh',
      statement: '`sshKnownHostsPem` is for kind `ssh` only',
      when: [{ has: ['sshKnownHostsPem'] }],
      then: [{ at: ['kind'], oneOf: ['ssh'] }],
      issueAt: ['sshKnownHostsPem'],
    },
    {
      id: 'git-pinned-needs-known-hosts',
      statement: '`sshKnownHostsPem` must be present when `sshHostKeyPolicy` is `pinned`',
      when: [{ at: ['sshHostKeyPolicy'], oneOf: ['pinned'] }],
      then: [{ has: ['sshKnownHostsPem'] }],
      issueAt: ['sshKnownHostsPem'],
    },
  ],
);
export type GitAuth = Immutable<z.infer<typeof GitAuth>>;

export const NpmRegistry = part('NpmRegistry', 'A private package registry to install from.', {
  url: url().describe('Address of the registry.'),
  scope: shortText().optional().describe('The scope that it serves, such as `@acme`.'),
  alwaysAuth: z.boolean().describe('Send the token with every request.'),
  token: secret(text()).describe('The token, resolved.'),
});
export type NpmRegistry = Immutable<z.infer<typeof NpmRegistry>>;
