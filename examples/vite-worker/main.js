import { adam, createNetwork, dense, loadBackend, Trainer } from "wasmgrad";

/**
 * Trains in a worker, which is an option of `fit`, and shows what it comes to after each epoch: callbacks run here, on the network
 * as it is there at that moment.
 *
 *     npm install && npm run dev
 */
const EPOCHS = 300;
const POINTS = 400;
/** Points of the map in each direction. */
const GRID = 60;

const byId = (id) => document.getElementById(id);

function spirals() {
  const inputs = new Float64Array(2 * POINTS);
  const targets = new Float64Array(POINTS);
  for (let i = 0; i < POINTS; i++) {
    const angle = (2.5 * Math.PI * i) / POINTS + Math.PI * (i % 2);
    const radius = 0.1 + (0.9 * i) / POINTS;
    inputs.set([radius * Math.cos(angle), radius * Math.sin(angle)], 2 * i);
    targets[i] = i % 2;
  }
  return { inputs, targets };
}

const data = spirals();
const grid = Float64Array.from({ length: 2 * GRID * GRID }, (_, i) => {
  const point = i >> 1;
  const step = i % 2 === 0 ? point % GRID : Math.floor(point / GRID);
  return (2 * step) / (GRID - 1) - 1;
});

const backend = await loadBackend();
byId("surroundings").replaceChildren(
  ...[`Variant ${backend.variant}, ${backend.threads} thread(s).`, ...backend.warnings].map((sentence) => {
    const item = document.createElement("li");
    item.textContent = sentence;
    return item;
  }),
);

let controller;
byId("stop").addEventListener("click", () => controller.abort());
byId("train").addEventListener("click", async () => {
  byId("train").disabled = true;
  byId("stop").disabled = false;
  controller = new AbortController();
  const layers = [dense(32, "silu"), dense(32, "silu"), dense(1, "sigmoid")];
  const network = await createNetwork({ inputs: 2, layers, backend });
  try {
    const trainer = new Trainer(network, { optimizer: adam({ learningRate: 0.02 }) });
    const { stoppedBy, epochs, accuracy } = await trainer.fit(data, {
      epochs: EPOCHS,
      batchSize: 40,
      worker: true,
      signal: controller.signal,
      onEpoch({ epoch, loss, accuracy, history }) {
        byId("progress").value = epoch / EPOCHS;
        byId("status").textContent = `Epoch ${epoch}: loss ${loss.toExponential(2)}, accuracy ${percent(accuracy)}.`;
        if (epoch % 5 !== 0 && epoch !== EPOCHS) return;
        drawMap(network.predict(grid));
        drawCurve(history.loss);
      },
    });
    const how = stoppedBy === "signal" ? "Stopped" : "Trained";
    byId("status").textContent = `${how} after ${epochs} epochs: accuracy ${percent(accuracy.at(-1) ?? 0)}.`;
  } catch (error) {
    byId("status").textContent = `${error.name}: ${error.message}`;
  } finally {
    network.dispose();
    byId("train").disabled = false;
    byId("stop").disabled = true;
  }
});

function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}

function drawMap(shares) {
  const { width, height } = byId("map");
  const context = byId("map").getContext("2d");
  const [w, h] = [width / GRID, height / GRID];
  shares.forEach((share, i) => {
    context.fillStyle = `hsl(${210 - 180 * share} 75% ${62 + 26 * Math.abs(1 - 2 * Math.abs(share - 0.5))}%)`;
    context.fillRect((i % GRID) * w, height - h - Math.floor(i / GRID) * h, w + 1, h + 1);
  });
  data.targets.forEach((arm, i) => {
    const [x, y] = data.inputs.subarray(2 * i, 2 * i + 2);
    context.fillStyle = arm === 0 ? "#0b4a86" : "#8a3b00";
    context.fillRect(((x + 1) / 2) * width - 1.5, ((1 - y) / 2) * height - 1.5, 3, 3);
  });
}

function drawCurve(losses) {
  const { width, height } = byId("curve");
  const context = byId("curve").getContext("2d");
  context.clearRect(0, 0, width, height);
  context.strokeStyle = "#0b4a86";
  context.lineWidth = 2;
  context.beginPath();
  // from 1 at the top down to 1e-5
  losses.forEach((loss, i) => {
    const depth = Math.min(1, Math.max(0, -Math.log10(loss) / 5));
    context.lineTo((i / EPOCHS) * width, 8 + depth * (height - 16));
  });
  context.stroke();
}
