import { describe, expect, it } from 'vitest';
import { withoutPassword } from './clone-address.ts';

describe('the address of a repository', () => {
  it.each([
    ['https://me:s3cret@git.example/a.git', 'https://git.example/a.git', 'me', 's3cret'],
    ['http://me:s%2Fx@git.example/a.git?x=1', 'http://git.example/a.git?x=1', 'me', 's/x'],
    ['https://:s3cret@git.example/a', 'https://git.example/a', undefined, 's3cret'],
  ])('%s is kept without its password, which becomes the credentials', (repoUrl, url, user, pw) => {
    const sourceAuth = { kind: 'basic', ...(user === undefined ? {} : { user }), secret: pw };
    expect(withoutPassword({ repoUrl })).toEqual({ repoUrl: url, sourceAuth });
  });

  it('never takes the place of credentials that were given', () => {
    const sourceAuth = { kind: 'basic', secret: 'given' } as const;
    const request = { repoUrl: 'https://me:s3cret@git.example/a', sourceAuth };
    expect(withoutPassword(request)).toEqual({ repoUrl: 'https://git.example/a', sourceAuth });
  });

  it.each([
    'https://git.example/a.git',
    'https://me@git.example/a',
    'git@git.example:acme/shop.git',
    'ssh://git@git.example/a',
    '/srv/git/a',
    'https://%zz:x@',
    '',
  ])('%j stays as it is', (repoUrl) => {
    expect(withoutPassword({ repoUrl })).toEqual({ repoUrl });
  });

  it('need not be there', () => {
    expect(withoutPassword({})).toEqual({});
  });
});
