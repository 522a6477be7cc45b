import Table from 'cli-table3';

/** Widest table, in columns: a terminal beside a browser window, or a printed page. */
const MAX_WIDTH = 118;
/** A column is not made narrower than its longest word or this; a longer word is cut by the table itself. */
const MIN_COLUMN = 10;
const MAX_FLOOR = 40;

type Cell = string | number;

/** A table with borders that fits the screen: the widest columns are wrapped at words. */
export function table(head: readonly string[], rows: ReadonlyArray<readonly Cell[]>, right: readonly number[] = []): string {
  const columns = head.map((title, index) => {
    const cells = [title, ...rows.map((row) => String(row[index] ?? ''))];
    const longestWord = Math.max(...cells.flatMap((cell) => cell.split(/\s/)).map((word) => word.length));
    return { width: Math.max(...cells.map((cell) => cell.length)), floor: Math.min(MAX_FLOOR, Math.max(MIN_COLUMN, longestWord)) };
  });
  // Two blanks and a border to each column, and the last border.
  let excess = columns.reduce((sum, { width }) => sum + width + 3, 1) - MAX_WIDTH;
  for (; excess > 0; excess--) {
    const widest = columns.reduce((best, column) => (column.width - column.floor > best.width - best.floor ? column : best));
    if (widest.width <= widest.floor) break;
    widest.width--;
  }
  const drawn = new Table({
    head: [...head],
    colWidths: columns.map(({ width }) => width + 2),
    colAligns: columns.map((_, index) => (right.includes(index) ? 'right' : 'left')),
    wordWrap: true,
    style: { head: [], border: [] },
  });
  drawn.push(...rows.map((row) => [...row]));
  return drawn.toString();
}
