import { printable } from './printable.ts';

const GAP = '  ';

/**
 * The lines of a table for people: columns are as wide as their widest cell, lines as wide as the terminal at most.
 *
 * @param width of the terminal; undefined where nobody is told it, and nothing is cut
 */
export function formatTable(
  heads: readonly string[],
  rows: readonly (readonly string[])[],
  width: number | undefined = process.stdout.columns,
): readonly string[] {
  const cells = [heads, ...rows].map((row) => heads.map((_, column) => printable(row[column] ?? '')));
  const widths = heads.map((_, column) => Math.max(...cells.map((row) => lengthOf(row[column] ?? ''))));
  const lines = cells.map((row) =>
    row
      .map((cell, column) => cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - lengthOf(cell))))
      .join(GAP)
      .trimEnd(),
  );
  return lines.map((line) => cut(line, width));
}

function lengthOf(text: string): number {
  return Array.from(text).length;
}

function cut(line: string, width: number | undefined): string {
  if (width === undefined || width <= 0 || lengthOf(line) <= width) return line;
  return `${Array.from(line)
    .slice(0, width - 1)
    .join('')}…`;
}
