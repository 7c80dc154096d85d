import { adam, checkGradients, cosineDecay, createNetwork, dense, Trainer } from "wasmgrad";

/**
 * A loss of one's own: the pinball loss, which makes outputs quantiles. A network learns between which bounds four of five
 * measurements lie, where the noise grows with x.
 *
 * R. Koenker and G. Bassett, Regression quantiles, Econometrica 46, 1978.
 *
 *     npm run build && node examples/customLoss/index.mjs
 */
const QUANTILES = [0.1, 0.9];

/**
 * J = sum q max(d, 0) + (1 - q) max(-d, 0) with d = Y - Yhat, C = J / n: where an output is the quantile q of its targets, what
 * pulls it up and what pulls it down are the same.
 */
const pinball = {
  name: "pinball",
  value({ outputs, targets, samples, units }) {
    let sum = 0;
    for (let i = 0; i < outputs.length; i++) {
      const distance = targets[i] - outputs[i];
      sum += distance * (distance > 0 ? QUANTILES[i % units] : QUANTILES[i % units] - 1);
    }
    return sum / samples;
  },
  gradient({ outputs, targets, samples, units }, out) {
    for (let i = 0; i < out.length; i++) {
      out[i] = (targets[i] > outputs[i] ? -QUANTILES[i % units] : 1 - QUANTILES[i % units]) / samples;
    }
  },
};

/** Numbers from 0 to 1: a linear congruential generator modulo 2^32. */
function uniform(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const middle = (x) => Math.sin(3 * x);
const spread = (x) => 0.3 + 0.2 * x;

/** x from -1 to 1, y normal around `middle` with standard deviation `spread`: the same y is the target of both outputs. */
function measurements(samples, seed) {
  const random = uniform(seed);
  const inputs = Float64Array.from({ length: samples }, () => 2 * random() - 1);
  const targets = new Float64Array(2 * samples);
  inputs.forEach((x, i) => {
    // Box and Muller
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    targets.fill(middle(x) + spread(x) * normal, 2 * i, 2 * i + 2);
  });
  return { inputs, targets };
}

const network = await createNetwork({ inputs: 1, layers: [dense(32, "silu"), dense(32, "silu"), dense(2)], seed: 1 });

const few = measurements(40, 3);
const { maxRelativeError } = checkGradients(network, few.inputs, few.targets, pinball);
console.log(`The gradients agree with differences of the loss to ${maxRelativeError.toExponential(1)}.\n`);

const [epochs, batchSize, samples] = [30, 100, 10_000];
const trainer = new Trainer(network, { loss: pinball, optimizer: adam({ learningRate: 0.01 }) });
const schedule = cosineDecay({ steps: (epochs * samples) / batchSize });
await trainer.fit(measurements(samples, 1), { epochs, batchSize, schedule });

console.log("          10th percentile       90th percentile");
console.log("   x     network     truth     network     truth");
const points = [-1, -0.5, 0, 0.5, 1];
const outputs = network.predict(points);
points.forEach((x, i) => {
  const cells = [-1.2816, 1.2816].flatMap((z, q) => [outputs[2 * i + q], middle(x) + z * spread(x)]);
  console.log([x.toFixed(1).padStart(4), ...cells.map((cell) => cell.toFixed(3).padStart(9))].join(" "));
});

const fresh = measurements(20_000, 2);
const bounds = network.predict(fresh.inputs);
const shares = { below: 0, between: 0, above: 0 };
fresh.inputs.forEach((_, i) => {
  const y = fresh.targets[2 * i];
  shares[y < bounds[2 * i] ? "below" : y > bounds[2 * i + 1] ? "above" : "between"] += 1 / fresh.inputs.length;
});
const { below, between, above } = shares;
console.log(
  `\nOf 20,000 new measurements ${below.toFixed(3)} lie below, ${between.toFixed(3)} between and ${above.toFixed(3)} above; 0.1, 0.8 and 0.1 were asked for.`,
);
