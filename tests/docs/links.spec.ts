/** Links in the documents lead somewhere: to a file of the clone, and where they name one, to a heading in it. */
import path from 'node:path';
import { expect, it } from 'vitest';
import { projectTree, type Tree, treeOf } from '../tidy/tree.ts';
import { anchorsOf, linksOf } from './markdown-page.ts';

const isDocument = (file: string): boolean =>
  /^[A-Z]+\.md$|^(?:docs|examples|deploy)\/.*\.md$/.test(file);

function broken(tree: Tree): readonly string[] {
  return tree.files
    .filter((file) => isDocument(file.path))
    .flatMap((file) =>
      linksOf(file.text)
        .filter(({ target }) => !leads(tree, file.path, target))
        .map(({ target, line }) => `${file.path}:${line}  ${target}`),
    );
}

function leads(tree: Tree, from: string, target: string): boolean {
  const [name = '', anchor] = target.split('#', 2);
  const file =
    name === '' ? from : path.posix.normalize(path.posix.join(path.posix.dirname(from), name));
  const page = tree.byPath.get(file);
  if (page === undefined) {
    const folder = `${file.replace(/\/$/, '')}/`;
    return anchor === undefined && tree.files.some((each) => each.path.startsWith(folder));
  }
  return anchor === undefined || !isDocument(file) || anchorsOf(page.text).includes(anchor);
}

it('every link of a document leads to a file or a heading', () => {
  expect(broken(projectTree())).toEqual([]);
}, 30_000);

it('a link that leads nowhere is noticed', () => {
  const texts = {
    'README.md':
      '# A b\n[a](docs/a.md) [b](docs/b.md#here) [c](docs) [d](#a-b) `[no](x)`\n[e](https://example.org)',
    'docs/b.md': '# B\n\n```\n# here\n```\n\n[up](../README.md)',
  };
  expect(broken(treeOf(texts))).toEqual(['README.md:2  docs/a.md', 'README.md:2  docs/b.md#here']);
  expect(broken(treeOf({ ...texts, 'docs/a.md': '# A', 'docs/b.md': '# B\n\n## Here\n' }))).toEqual(
    [],
  );
});
