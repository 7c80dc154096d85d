import type { LayerDescription, LayerState } from "./layers/layer";

function nameOf(description: LayerDescription): string {
  if (description.kind === "dense") return `dense ${description.activation}`;
  return description.kind === "dropout" ? `dropout ${description.rate}` : "batchNorm";
}

/** A printable table: layer, output shape, parameters, bytes. */
export function summarize(inputs: number, states: readonly LayerState[]): string {
  const rows = [["layer", "output shape", "parameters", "bytes"]];
  rows.push(["inputs", `n x ${inputs}`, "0", "0"]);
  let total = 0;
  let trainable = 0;
  let bytes = 0;
  for (const { description, units, parameterCount, statisticsCount, trainable: moves } of states) {
    const name = nameOf(description);
    const frozen = parameterCount > 0 && !moves ? " (frozen)" : "";
    const size = 8 * (parameterCount + statisticsCount);
    rows.push([name + frozen, `n x ${units}`, `${parameterCount}`, `${size}`]);
    total += parameterCount;
    bytes += size;
    if (moves) trainable += parameterCount;
  }
  rows.push(["total", "", `${total}`, `${bytes}`]);
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => (row[column] as string).length)));
  const line = widths.map((width) => "-".repeat(width)).join("  ");
  const lines = rows.map((row) =>
    row
      .map((cell, column) =>
        column < 2 ? cell.padEnd(widths[column] as number) : cell.padStart(widths[column] as number),
      )
      .join("  ")
      .trimEnd(),
  );
  lines.splice(1, 0, line);
  lines.splice(-1, 0, line);
  return trainable === total ? lines.join("\n") : [...lines, `trainable: ${trainable} of ${total}`].join("\n");
}
