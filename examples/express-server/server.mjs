import { readFile } from "node:fs/promises";
import express from "express";
import { loadNetwork, WasmgradError } from "wasmgrad/predict";

/**
 * Predicts over HTTP with the network that train.mjs has written.
 *
 *     npm install && npm run train && npm start
 *     curl localhost:3000/predict --json '{ "inputs": [[0.5], [1]] }'
 */
const network = await loadNetwork(await readFile(new URL("network.safetensors", import.meta.url)));
const app = express();
app.use(express.json({ limit: "1mb" }));

app.get("/", (_, response) => {
  const { inputs, units, metadata } = network;
  response.json({ inputs, units, metadata });
});

app.post("/predict", (request, response) => {
  // what is wrong with the inputs is said by predict: where, what was given and what was expected
  const outputs = network.predict(request.body?.inputs);
  const { units } = network;
  const rows = Array.from({ length: outputs.length / units }, (_, i) => [
    ...outputs.subarray(i * units, (i + 1) * units),
  ]);
  response.json({ outputs: rows });
});

// Express knows it by its four parameters
app.use((error, _request, response, _next) => {
  const status = error instanceof WasmgradError ? 400 : (error.status ?? 500);
  response.status(status).json({ error: error.message });
});

const server = app.listen(Number(process.env.PORT ?? 3000), () => {
  console.log(`listening on http://localhost:${server.address().port}`);
});
process.on("SIGTERM", () => server.close(() => network.dispose()));
