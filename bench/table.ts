/** A table for the terminal: the first `left` columns to the left, the others to the right, without those that are empty. */
export function table(rows: readonly (readonly string[])[], left = 1): string {
  const [head = [], ...body] = rows;
  const columns = [...head.keys()]
    .filter((c) => body.some((row) => (row[c] ?? "") !== ""))
    .map((c) => ({ c, width: Math.max(...rows.map((row) => (row[c] ?? "").length)) }));
  const line = (row: readonly string[]) =>
    columns
      .map(({ c, width }) => (c < left ? (row[c] ?? "").padEnd(width) : (row[c] ?? "").padStart(width)))
      .join("   ")
      .trimEnd();
  const rule = "-".repeat(columns.reduce((sum, { width }) => sum + width, 3 * (columns.length - 1)));
  return [line(head), rule, ...body.map(line)].join("\n");
}

/** Three figures that count, thousands grouped. */
export function figure(value: number): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

export function percent(share: number | undefined): string {
  return share === undefined ? "" : `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
}
