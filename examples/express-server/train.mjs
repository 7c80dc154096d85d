import { writeFile } from "node:fs/promises";
import { createNetwork, dense, lbfgs, loadBackend, Trainer } from "wasmgrad";

/**
 * Learns what force a spring needs, force = 3 x + x^3 for an extension x from -1 to 1, and writes the network that server.mjs
 * serves.
 *
 *     npm install && npm run train
 */
const inputs = Float64Array.from({ length: 201 }, (_, i) => i / 100 - 1);
const targets = inputs.map((x) => 3 * x + x ** 3);

// the bits of every other engine, too: what the server predicts is what was trained here, to the last digit
const backend = await loadBackend({ reproducible: true });
const network = await createNetwork({ inputs: 1, layers: [dense(12, "tanh"), dense(1)], backend });
const trainer = new Trainer(network, { optimizer: lbfgs() });
const { loss } = await trainer.fit({ inputs, targets }, { epochs: 300 });
network.metadata = { input: "extension in metres, from -1 to 1", output: "force in newtons" };
await writeFile(new URL("network.safetensors", import.meta.url), network.toBytes());
console.log(`network.safetensors: loss ${loss.at(-1).toExponential(1)}`);
