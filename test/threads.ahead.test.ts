/** While others compute, the calling thread copies the inputs of the next batch. It moves no bit. */
import { afterEach, beforeEach, expect, it, type MockInstance, vi } from "vitest";
import { Engine } from "../src/backend/engine";
import { Gauge } from "../src/backend/gauge";
import { createNetwork, dense, type FitOptions, loadBackend, type Numbers, Trainer } from "../src/index";
import { InputRows } from "../src/inputRows";
import { generator, uniform } from "./oracle";

const [SAMPLES, FEATURES, BATCH, EPOCHS] = [203, 256, 64, 3];
/** 64, 64, 64 and 11 samples. */
const BATCHES = 4;

const inputs = uniform(generator(3), SAMPLES * FEATURES, 0, 1);
const targets = Int32Array.from({ length: SAMPLES }, (_, i) => (i * 7) % 10);
let ahead: MockInstance<InputRows["copyAhead"]>;

beforeEach(() => {
  ahead = vi.spyOn(InputRows.prototype, "copyAhead");
  // whether it pays or not
  vi.spyOn(Gauge.prototype, "share", "get").mockReturnValue(true);
});
afterEach(() => vi.restoreAllMocks());

/** What a fit on so many threads comes to. */
async function fitted(threads: number, data: Numbers, options: FitOptions = {}): Promise<string> {
  const share = vi.spyOn(Engine.prototype, "share");
  const backend = await loadBackend({ variant: "simd", threads });
  for (const [, pool] of share.mock.calls) await vi.waitFor(() => expect(pool.threads).toBe(threads), 10_000);
  share.mockRestore();
  const layers = [dense(128, "tanh"), dense(10, "softmax")];
  const network = await createNetwork({ inputs: FEATURES, layers, seed: 4, backend });
  try {
    await new Trainer(network).fit({ inputs: data, targets }, { epochs: EPOCHS, batchSize: BATCH, ...options });
    return await network.digest();
  } catch (error) {
    return `${error} ${await network.digest()}`;
  } finally {
    // long enough for what is still to be done beside
    const a = backend.matrix(200, 200);
    backend.matmul(a, a);
    backend.dispose();
  }
}

it.each([
  ["a Float64Array, shuffled", inputs, {}],
  ["a Float64Array of one epoch", inputs, { epochs: 1 }],
  ["a number[], in order", [...inputs], { shuffle: false }],
  ["a Float32Array", Float32Array.from(inputs), {}],
  ["a Uint8Array", Uint8Array.from(inputs, (x) => 255 * x), {}],
  ["the beginning of a number[]", [...inputs], { shuffle: false, validationSplit: 0.2 }],
] as const)("%s", async (_, data, options) => {
  const alone = await fitted(1, data, options);
  expect(ahead).not.toHaveBeenCalled();
  const shared = await fitted(2, data, options);
  expect(shared).toBe(alone);
  const batches = "validationSplit" in options ? 3 : BATCHES;
  expect(ahead).toHaveBeenCalledTimes(("epochs" in options ? options.epochs : EPOCHS) * (batches - 1));
});

it("nothing of a Float64Array in order, whose batches are read where they lie", async () => {
  const alone = await fitted(1, inputs, { shuffle: false });
  expect(await fitted(2, inputs, { shuffle: false })).toBe(alone);
  expect(await fitted(2, [...inputs], { shuffle: false })).toBe(alone);
  expect(ahead).toHaveBeenCalledTimes(EPOCHS * (BATCHES - 1));
});

it("a batch whose copy came too early for its error", async () => {
  const broken = inputs.slice();
  broken[70 * FEATURES + 5] = Number.NaN;
  const alone = await fitted(1, broken, { shuffle: false });
  expect(alone).toMatch(/^ArgumentError: fit: inputs: row 70, column 5 is NaN/);
  expect(await fitted(2, [...broken], { shuffle: false })).toBe(alone);
  expect(ahead).toHaveBeenCalledTimes(1);
});

it("nothing after a fit that fails with a batch in hand", async () => {
  const schedule = (step: number) => {
    if (step === 2) throw new Error("enough");
    return 1;
  };
  const alone = await fitted(1, inputs, { schedule });
  expect(alone).toMatch(/^Error: enough/);
  expect(await fitted(2, inputs, { schedule })).toBe(alone);
  expect(ahead).toHaveBeenCalledTimes(2);
});

it("nothing where there is no room for two batches", async () => {
  const alone = await fitted(1, inputs);
  const reserve = vi.spyOn(InputRows.prototype, "reserveAhead").mockReturnValue(false);
  expect(await fitted(2, inputs)).toBe(alone);
  expect(reserve).toHaveBeenCalled();
  expect(ahead).not.toHaveBeenCalled();
});
