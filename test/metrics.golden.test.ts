/** The metrics against scikit-learn, test/golden/metrics.py: over all rows at once, and added up batch after batch. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { ActivationName } from "../src/activations";
import { type MetricName, type MetricRows, startTally } from "../src/metrics/metrics";
import { gap, TOLERANCE } from "./support";

interface GoldenMetrics {
  name: string;
  /** Of the output layer; null where there is none to know. */
  activation: ActivationName | null;
  units: number;
  samples: number;
  /** samples x units */
  outputs: number[];
  /** samples x units */
  targets: number[];
  /** samples */
  weights: number[] | null;
  /** null for NaN; what is absent has no meaning here. */
  expected: Partial<Record<MetricName, number | null>>;
}

const cases: GoldenMetrics[] = JSON.parse(readFileSync(new URL("golden/metrics.json", import.meta.url), "utf8"));

/** Rows a batch. */
const CUTS = [Infinity, 1, 2, 7];

function rowsOf(golden: GoldenMetrics): MetricRows {
  return {
    samples: golden.samples,
    units: golden.units,
    outputs: Float64Array.from(golden.outputs),
    targets: Float64Array.from(golden.targets),
    weights: golden.weights === null ? undefined : Float64Array.from(golden.weights),
    activation: golden.activation ?? undefined,
  };
}

/** Views of so many rows, the last one of those that are left. */
function batchesOf(rows: MetricRows, size: number): MetricRows[] {
  const { samples, units, outputs, targets, weights } = rows;
  const batches: MetricRows[] = [];
  for (let start = 0; start < samples; start += size) {
    const end = Math.min(samples, start + size);
    batches.push({
      ...rows,
      samples: end - start,
      outputs: outputs.subarray(start * units, end * units),
      targets: targets.subarray(start * units, end * units),
      weights: weights?.subarray(start, end),
    });
  }
  return batches;
}

function isFar(actual: number, expected: number): boolean {
  return Number.isNaN(expected) ? !Number.isNaN(actual) : gap(actual, expected) > TOLERANCE;
}

describe("metrics, against scikit-learn", () => {
  it("has golden values of every metric, weighted and not, NaN where there can be one", () => {
    const found = new Set<string>();
    for (const { weights, expected } of cases) {
      for (const [metric, value] of Object.entries(expected)) {
        found.add(`${metric}${weights === null ? "" : ", weighted"}${value === null ? ", NaN" : ""}`);
      }
    }
    const names = ["accuracy", "precision", "recall", "f1", "rocAuc", "r2", "meanAbsoluteError"];
    const numbers = names.flatMap((name) => [name, `${name}, weighted`]);
    const undefinedOnes = ["rocAuc", "r2"].flatMap((name) => [`${name}, NaN`, `${name}, weighted, NaN`]);
    expect([...found].sort()).toEqual([...numbers, ...undefinedOnes].sort());
  });

  for (const golden of cases) {
    it(golden.name, () => {
      const rows = rowsOf(golden);
      const far: string[] = [];
      for (const [name, value] of Object.entries(golden.expected)) {
        const metric = name as MetricName;
        const expected = value ?? NaN;
        for (const size of CUTS) {
          const tally = startTally(metric, rows.units, rows.activation);
          for (const batch of batchesOf(rows, size)) tally.add(batch);
          const actual = tally.value();
          if (isFar(actual, expected)) far.push(`${metric}, batches of ${size}: ${actual}, ${expected} expected`);
        }
      }
      expect(far).toEqual([]);
    });
  }
});
