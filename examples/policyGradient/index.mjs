import { createNetwork, dense } from "wasmgrad";

/**
 * Learns to balance a pole on a cart from nothing but how long it stayed up: REINFORCE with a baseline, the gradient handed to
 * `backwardFrom`, and Adam written over the live views.
 *
 * R. Williams, Simple statistical gradient-following algorithms for connectionist reinforcement learning, 1992. The cart is that
 * of A. Barto, R. Sutton and C. Anderson, 1983, with the numbers of OpenAI Gym's CartPole-v1.
 *
 *     npm run build && node examples/policyGradient/index.mjs
 */
const [CARTS, UPDATES, LIMIT, DISCOUNT] = [16, 60, 500, 0.99];
const random = uniform(3);

/** Numbers from 0 to 1: a linear congruential generator modulo 2^32. */
function uniform(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Position, velocity, angle, angular velocity: almost upright, almost at rest. */
const newCart = () => Array.from({ length: 4 }, () => 0.1 * random() - 0.05);

/** A fiftieth of a second with a push of 10 N to the left (action 0) or right (1). */
function push([x, v, angle, w], action) {
  const [gravity, masses, poleMass, halfLength, dt] = [9.8, 1.1, 0.1, 0.5, 0.02];
  const force = action === 1 ? 10 : -10;
  const along = (force + poleMass * halfLength * w * w * Math.sin(angle)) / masses;
  const turn =
    (gravity * Math.sin(angle) - Math.cos(angle) * along) /
    (halfLength * (4 / 3 - (poleMass * Math.cos(angle) ** 2) / masses));
  const acceleration = along - (poleMass * halfLength * turn * Math.cos(angle)) / masses;
  return [x + dt * v, v + dt * acceleration, angle + dt * w, w + dt * turn];
}

const up = ([x, , angle]) => Math.abs(x) <= 2.4 && Math.abs(angle) <= (12 * Math.PI) / 180;

/** Drives carts, all at once, until each has fallen or reached the limit. Returns for each its states and actions. */
function drive(carts, choose) {
  const drives = Array.from({ length: carts }, () => ({ state: newCart(), states: [], actions: [] }));
  for (let step = 0; step < LIMIT; step++) {
    const standing = drives.filter(({ state }) => up(state));
    if (standing.length === 0) break;
    const probabilities = network.predict(standing.map(({ state }) => state));
    standing.forEach((cart, i) => {
      const action = choose(probabilities[2 * i + 1]);
      cart.states.push(cart.state);
      cart.actions.push(action);
      cart.state = push(cart.state, action);
    });
  }
  return drives;
}

/** What is still to come from each step on, a second later being worth less: 1 for each step that the pole is up. */
function returns({ actions }) {
  const values = new Array(actions.length);
  let rest = 0;
  for (let t = actions.length - 1; t >= 0; t--) {
    rest = 1 + DISCOUNT * rest;
    values[t] = rest;
  }
  return values;
}

/** Adam over the network's live views. */
function adam({ parameters, gradients }, learningRate) {
  const [beta1, beta2] = [0.9, 0.999];
  const mean = new Float64Array(parameters.length);
  const square = new Float64Array(parameters.length);
  let step = 0;
  return () => {
    step++;
    for (let i = 0; i < parameters.length; i++) {
      const gradient = gradients[i];
      mean[i] += (1 - beta1) * (gradient - mean[i]);
      square[i] += (1 - beta2) * (gradient * gradient - square[i]);
      const scale = Math.sqrt(square[i] / (1 - beta2 ** step)) + 1e-8;
      parameters[i] -= (learningRate * mean[i]) / (1 - beta1 ** step) / scale;
    }
  };
}

const network = await createNetwork({ inputs: 4, layers: [dense(32, "tanh"), dense(2, "softmax")], seed: 1 });
const update = adam(network, 0.02);

/** One update from the drives: what went better than the baseline becomes more probable. Returns how long they lasted on average. */
function learn(drives) {
  const states = drives.flatMap((cart) => cart.states);
  const actions = drives.flatMap((cart) => cart.actions);
  const gains = drives.flatMap(returns);
  const baseline = gains.reduce((sum, gain) => sum + gain, 0) / gains.length;
  const deviation = Math.sqrt(gains.reduce((sum, gain) => sum + (gain - baseline) ** 2, 0) / gains.length);

  // C = -mean of advantage log(probability of the action that was taken)
  const probabilities = network.forward(states);
  const outputGradient = new Float64Array(2 * states.length);
  actions.forEach((action, i) => {
    const at = 2 * i + action;
    const advantage = (gains[i] - baseline) / (deviation + 1e-8);
    outputGradient[at] = -advantage / probabilities[at] / states.length;
  });
  network.backwardFrom(outputGradient);
  update();
  return states.length / drives.length;
}

const sampled = (right) => (random() < right ? 1 : 0);
const likelier = (right) => (right > 0.5 ? 1 : 0);

console.log("update   steps until the pole falls, of 500 at most");
let lately = 0;
for (let count = 1; count <= UPDATES; count++) {
  lately += learn(drive(CARTS, sampled)) / 5;
  if (count % 5 !== 0) continue;
  console.log(`${String(count).padStart(6)}   ${lately.toFixed(1).padStart(5)} ${"█".repeat(Math.round(lately / 10))}`);
  lately = 0;
}

const trials = drive(100, likelier);
const lasted = trials.filter(({ actions }) => actions.length === LIMIT).length;
console.log(
  `\nWithout chance in its choices, the pole stayed up for all ${LIMIT} steps in ${lasted} of ${trials.length} new trials.`,
);
