import { describe, expect, it } from 'vitest';
import { repositoryName, repositoryOf, repositoryPath } from './repository-name.ts';

describe('the name of a repository', () => {
  it.each([
    ['https://github.com/acme/shop.git', 'https://github.com/acme/shop'],
    ['https://user:token@GitHub.com/acme/shop/', 'https://github.com/acme/shop'],
    ['https://github.com/acme/shop.git/?token=x#y', 'https://github.com/acme/shop'],
    ['https://github.com:443/acme/../acme/Shop', 'https://github.com/acme/Shop'],
    ['ssh://git@Git.Example.net:2222/acme/shop.git', 'ssh://git.example.net:2222/acme/shop'],
    ['git@GitHub.com:acme/shop.git', 'github.com:acme/shop'],
    ['GitHub.com:acme/shop', 'github.com:acme/shop'],
    ['file:///srv/Repos/shop.git', 'file:///srv/Repos/shop'],
    ['/srv/repos/shop.git/', '/srv/repos/shop'],
    ['', ''],
  ])('of %s is %s', (url, repository) => {
    expect(repositoryOf(url)).toBe(repository);
    expect(repositoryOf(repository)).toBe(repository);
  });

  it('keeps no credential and takes no time for an endless address', () => {
    expect(repositoryOf('https://user:s3cret@h/x')).not.toContain('s3cret');
    expect(repositoryOf(`https://h/x${'/'.repeat(1_000_000)}`)).toBe('https://h/x');
  });

  it('is host and path, whichever way it is reached', () => {
    for (const url of [
      'https://github.com/acme/shop',
      'ssh://git@github.com/acme/shop.git',
      'git@github.com:acme/shop.git',
    ]) {
      expect(repositoryName(repositoryOf(url))).toBe('github.com/acme/shop');
      expect(repositoryPath(repositoryOf(url))).toBe('acme/shop');
    }
    expect(repositoryName('')).toBe('');
    expect(repositoryPath('')).toBe('');
  });
});
