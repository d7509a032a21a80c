/** Pages of Markdown: a page is a list of sections, a section a function that writes itself. */
export type Section = () => string;

export const page = (sections: readonly Section[]): string =>
  `${sections.map((section) => section().trim()).join('\n\n')}\n`;

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
