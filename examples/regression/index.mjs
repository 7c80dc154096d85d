import { readFile } from "node:fs/promises";
import { parse } from "csv-parse/sync";
import { createNetwork, dense, lbfgs, Trainer } from "wasmgrad";

/**
 * Linear regression with L-BFGS on the diabetes data, to the last digits, and once more with parameters, outputs and gradients
 * rounded to float32, where it stalls.
 *
 *     npm run build && node examples/regression/index.mjs
 */
const [names, ...rows] = parse(await readFile(new URL("../../data/diabetes.csv", import.meta.url)));
const features = names.slice(0, -1);
const inputs = standardised(rows.map((row) => row.slice(0, -1).map(Number)));
const targets = Float64Array.from(rows, (row) => Number(row.at(-1)));

/** Each column at mean 0 and standard deviation 1. */
function standardised(table) {
  const values = new Float64Array(table.length * features.length);
  features.forEach((_, c) => {
    const mean = table.reduce((sum, row) => sum + row[c], 0) / table.length;
    const deviation = Math.sqrt(table.reduce((sum, row) => sum + (row[c] - mean) ** 2, 0) / table.length);
    table.forEach((row, r) => {
      values[r * features.length + c] = (row[c] - mean) / deviation;
    });
  });
  return values;
}

/** How far outputs are off, as float32 would know it. */
const distance = (output, target) => Math.fround(Math.fround(output) - target);

/** Half the mean square, of outputs that are rounded to float32: less than all that float32 rounds. */
const inFloat32 = {
  name: "sum of squares in float32",
  value: ({ outputs, targets, samples }) =>
    Math.fround(outputs.reduce((sum, y, i) => sum + distance(y, targets[i]) ** 2, 0) / (2 * samples)),
  gradient({ outputs, targets, samples }, out) {
    for (let i = 0; i < out.length; i++) out[i] = Math.fround(distance(outputs[i], targets[i]) / samples);
  },
};

/** The norm of the gradient after each iteration, and the network. */
async function solve(loss, round = (value) => value) {
  const network = await createNetwork({ inputs: features.length, layers: [dense(1)], seed: 1 });
  const trainer = new Trainer(network, { loss, optimizer: lbfgs() });
  const norms = [];
  const onEpoch = () => {
    network.parameters.set(network.parameters.map(round));
    norms.push(Math.hypot(...network.gradients));
  };
  await trainer.fit({ inputs, targets }, { epochs: 40, onEpoch });
  return { network, norms };
}

const double = await solve("sumOfSquares");
const single = await solve(inFloat32, Math.fround);
console.log(`${rows.length} patients, ${features.length} features, progression of diabetes after a year\n`);
console.log("iteration   norm of the gradient   rounded to float32");
for (const iteration of [1, 2, 5, 10, 15, 20, 30, 40]) {
  const [left, right] = [double, single].map(({ norms }) => norms[iteration - 1].toExponential(1));
  console.log(`${String(iteration).padStart(9)}   ${left.padStart(20)}   ${right.padStart(18)}`);
}
console.log("\nchange of progression with one standard deviation of");
features.forEach((name, i) => {
  console.log(`  ${name.padEnd(4)} ${double.network.layers[0].weights[i].toFixed(6).padStart(11)}`);
});
console.log(`  and ${double.network.layers[0].bias[0].toFixed(6)} for the average patient`);
