/** A fit in a worker against the same fit on the calling thread. The worker is that of the last build. */
import { Worker } from "node:worker_threads";
import { afterEach, describe, expect, it, vi } from "vitest";
import {
  ArgumentError,
  adam,
  type Backend,
  BusyError,
  batchNorm,
  cosineDecay,
  createNetwork,
  type Data,
  DisposedError,
  DivergedError,
  dense,
  dropout,
  type FitData,
  type FitOptions,
  lbfgs,
  type Network,
  sgd,
  Trainer,
  type TrainerOptions,
  WorkerError,
} from "../src/index";
import { CLASSES, classified, disposedAfterEach, FEATURES, layerOf, squares } from "./support";

const load = disposedAfterEach();
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const data = classified(90);
const layers = [dense(7, { activation: "tanh", l2: 1e-3 }), batchNorm(), dropout(0.2), dense(CLASSES, "softmax")];
const create = (backend: Backend) => createNetwork({ inputs: FEATURES, layers, seed: 6, backend });

/** All that a fit leaves behind: in a worker, and on this thread. */
async function both(
  backend: Backend,
  trainerOptions: TrainerOptions,
  set: FitData | (() => FitData),
  optionsOf: (network: Network, trainer: Trainer) => FitOptions,
) {
  const outcomes = [];
  for (const worker of [false, true]) {
    const network = await create(backend);
    const trainer = new Trainer(network, trainerOptions);
    const options = optionsOf(network, trainer);
    const result = await trainer.fit(set as FitData, { ...options, worker }).catch((error: Error) => error);
    const gradients = [...network.gradients];
    // the optimizer's state shows in a step more
    const step = async () => trainer.step(data.inputs, data.targets);
    const cost = await step().catch(String);
    outcomes.push({ result, gradients, cost, digest: await network.digest(), metadata: network.metadata });
    network.dispose();
  }
  return outcomes;
}

const places = [
  { variant: "simd", threads: 1, isolated: true },
  { variant: "simd", threads: 2, isolated: true },
  { variant: "simd", threads: 1, isolated: false },
  { variant: "js", threads: 1, isolated: true },
] as const;

describe.each(places)("a fit in a worker: $variant, $threads threads, isolated $isolated", (place) => {
  const loaded = async () => {
    // where a page is not isolated, memory can't be shared with a worker
    vi.stubGlobal("crossOriginIsolated", place.isolated);
    return load({ variant: place.variant, threads: place.threads });
  };

  it.each([
    ["adam", adam({ learningRate: 0.01 })],
    ["lbfgs", lbfgs()],
  ])("comes to the same bits: %s", async (_, optimizer) => {
    const backend = await loaded();
    const options: FitOptions = {
      epochs: 6,
      validationSplit: 0.2,
      classWeights: "balanced",
      earlyStopping: { patience: 50 },
      schedule: cosineDecay({ steps: 30 }),
    };
    const [here, there] = await both(backend, { optimizer, metrics: ["accuracy", "f1"] }, data, () => options);
    expect(there).toEqual(here);
  });

  it("calls back here, on the network as it is, and takes in what callbacks change", async () => {
    const backend = await loaded();
    const seen: unknown[][] = [[], []];
    let run = -1;
    const [here, there] = await both(
      backend,
      { optimizer: sgd({ learningRate: 0.1, momentum: 0.9 }) },
      data,
      (network) => {
        const list = seen[++run] as unknown[];
        return {
          epochs: 3,
          async onStep(info) {
            list.push(info, await network.digest(), network.gradients.slice());
            if (info.step === 2) network.parameters[0] = 0.25;
            if (info.step === 4) layerOf(network, 0).trainable = false;
            if (info.step === 5) network.forward(data.inputs.subarray(0, 4 * FEATURES));
            if (info.step === 6) {
              await new Promise((resolve) => setTimeout(resolve, 5));
              network.metadata = { touched: true };
            }
          },
          onEpoch({ history, ...numbers }) {
            list.push(numbers, structuredClone(history), [...network.predict(data.inputs)]);
          },
        };
      },
    );
    expect(there).toEqual(here);
    expect(seen[1]).toEqual(seen[0]);
    expect(seen[0]?.length).toBe(3 * 3 * 3 + 3 * 3);
  });

  it("takes streams, and goes on from checkpoints that it has made", async () => {
    const backend = await loaded();
    async function* batches(): AsyncGenerator<Data> {
      for (let at = 0; at < 90; at += 30) {
        yield {
          inputs: data.inputs.subarray(at * FEATURES, (at + 30) * FEATURES),
          targets: data.targets.subarray(at, at + 30),
        };
      }
    }
    const saved: Uint8Array[][] = [[], []];
    let run = -1;
    const [here, there] = await both(
      backend,
      { optimizer: adam() },
      () => batches(),
      () => {
        const list = saved[++run] as Uint8Array[];
        return {
          epochs: 4,
          schedule: (step, epoch, history) => 1 / (1 + step + epoch + history.loss.length),
          checkpoint: {
            every: 2,
            async save(bytes) {
              list.push(bytes);
            },
          },
        };
      },
    );
    expect(there).toEqual(here);
    expect(saved[1]).toEqual(saved[0]);
    expect(saved[0]?.length).toBe(2);
    const [resume] = saved[1] as [Uint8Array];
    const [again, elsewhere] = await both(
      backend,
      { optimizer: adam() },
      () => batches(),
      () => ({
        epochs: 4,
        schedule: (step, epoch, history) => 1 / (1 + step + epoch + history.loss.length),
        resume,
      }),
    );
    expect(elsewhere).toEqual(again);
    expect(again).toEqual(here);
  });

  it("brings errors over as themselves, on the weights of the last whole step", async () => {
    const backend = await loaded();
    const mine = new TypeError("mine");
    const wrong = data.inputs.slice();
    wrong[80 * FEATURES + 1] = NaN;
    async function* failing(): AsyncGenerator<Data> {
      yield data;
      throw mine;
    }
    const trials: [RegExp, FitData | (() => FitData), TrainerOptions, FitOptions][] = [
      [/^mine$/, data, {}, { onStep: ({ step }) => (step === 2 ? Promise.reject(mine) : undefined) }],
      [
        /^mine$/,
        data,
        {},
        {
          onEpoch() {
            throw mine;
          },
        },
      ],
      [/^mine$/, () => failing(), {}, {}],
      [/^mine$/, data, {}, { checkpoint: { save: () => Promise.reject(mine) } }],
      [
        /^mine$/,
        data,
        {},
        {
          schedule: () => {
            throw mine;
          },
        },
      ],
      [/^fit: schedule: NaN was returned for step 0/, data, {}, { schedule: () => NaN }],
      [/^fit: validation: inputs: row 80, column 1 is NaN/, data, {}, { validation: { ...data, inputs: wrong } }],
      [/^fit: batch 1 of epoch 1/, () => [3] as never, {}, {}],
      [/^fit: data: a function that returned a Promise/, () => Promise.resolve([data]) as never, {}, {}],
      [/^fit: inputs: row 80, column 1 is NaN/, { ...data, inputs: wrong }, {}, { shuffle: false }],
      [/^fit: step \d+: /, data, { optimizer: sgd({ learningRate: 1e200 }) }, { epochs: 5 }],
      [/^fit: resume: /, data, {}, { resume: new Uint8Array(20) }],
    ];
    for (const [message, set, trainerOptions, options] of trials) {
      const [here, there] = await both(backend, trainerOptions, set, () => options);
      expect(there).toEqual(here);
      const { result } = there as { result: Error };
      expect(result).toBeInstanceOf(Error);
      expect(result.constructor).toBe((here as { result: Error }).result.constructor);
      expect(result.message).toMatch(message);
      if (message.source === "^mine$") expect(result).toBe(mine);
      if (result instanceof DivergedError) expect([result.step, result.layer]).toEqual([2, 3]);
    }
  });

  it("has a network that is busy between callbacks, and stands still in them", async () => {
    const backend = await loaded();
    const network = await create(backend);
    const trainer = new Trainer(network);
    const memory = backend.memory();
    let inside = 0;
    const fitting = trainer.fit(data, {
      epochs: 3,
      worker: true,
      async onEpoch() {
        inside++;
        expect(() => trainer.step(data.inputs, data.targets)).toThrow(BusyError);
        await expect(trainer.fit(data)).rejects.toThrow(BusyError);
        const [other, clone] = [new Trainer(network), network.clone()];
        expect(Number.isFinite(other.step(data.inputs, data.targets))).toBe(true);
        expect(trainer.evaluate(data).loss).toBeGreaterThan(0);
        clone.dispose();
      },
    });
    await new Promise((resolve) => setTimeout(resolve, 0));
    while (!network.core.away) await new Promise((resolve) => setTimeout(resolve, 1));
    const calls: (() => unknown)[] = [
      () => network.predict(data.inputs),
      () => network.forward(data.inputs),
      () => network.backward(data.targets, "huber"),
      () => network.backwardFrom(data.targets as never),
      () => network.inputGradients,
      () => network.clone(),
      () => network.copyFrom(network),
      () => network.toBytes(),
      () => network.summary(),
      () => network.dispose(),
      () => trainer.step(data.inputs, data.targets),
      () => trainer.evaluate(data),
      () => {
        layerOf(network, 0).trainable = false;
      },
    ];
    for (const call of calls) expect(call).toThrow(BusyError);
    await expect(network.digest()).rejects.toThrow(BusyError);
    await expect(trainer.fit(data)).rejects.toThrow(BusyError);
    expect(network.parameters.length).toBeGreaterThan(0);
    await fitting;
    expect(inside).toBe(3);
    expect(network.predict(data.inputs).length).toBe(90 * CLASSES);
    network.dispose();
    expect(backend.memory().usedBytes).toBeLessThan(memory.usedBytes);
  });

  it("keeps metadata that are set meanwhile, outside of callbacks", async () => {
    const network = await create(await loaded());
    const controller = new AbortController();
    const fitting = new Trainer(network).fit(data, { epochs: 1e9, worker: true, signal: controller.signal });
    while (!network.core.away) await new Promise((resolve) => setTimeout(resolve, 1));
    network.metadata = { set: "meanwhile" };
    controller.abort();
    await fitting;
    expect(network.metadata).toEqual({ set: "meanwhile" });
    network.dispose();
  });

  it("ends with the signal", async () => {
    const backend = await loaded();
    const [network, memory] = [await create(backend), backend.memory()];
    const trainer = new Trainer(network);
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 150);
    const history = await trainer.fit(data, { epochs: 1e9, worker: true, signal: controller.signal });
    expect(history.stoppedBy).toBe("signal");
    expect(history.epochs).toBe(history.loss.length);
    // one that only shows it
    const quiet = { aborted: false };
    setTimeout(() => {
      quiet.aborted = true;
    }, 150);
    expect((await trainer.fit(data, { epochs: 1e9, worker: true, signal: quiet })).stoppedBy).toBe("signal");
    const none = await trainer.fit(data, { worker: true, signal: { aborted: true } });
    expect([none.stoppedBy, none.epochs]).toEqual(["signal", 0]);
    // while a batch never comes
    async function* hanging(): AsyncGenerator<Data> {
      yield data;
      await new Promise(() => {});
    }
    const waiting = new AbortController();
    setTimeout(() => waiting.abort(), 150);
    expect((await trainer.fit(hanging, { worker: true, signal: waiting.signal })).stoppedBy).toBe("signal");
    network.dispose();
    expect(backend.memory().usedBytes).toBeLessThan(memory.usedBytes);
  });
});

describe("a fit in a worker", () => {
  it("shows its weights as they move", async () => {
    const network = await create(await load({ variant: "simd" }));
    const controller = new AbortController();
    const fitting = new Trainer(network).fit(data, { epochs: 1e9, worker: true, signal: controller.signal });
    const seen = new Set<number>();
    while (seen.size < 5) {
      seen.add(network.parameters[0] as number);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    controller.abort();
    await fitting;
    network.dispose();
  });

  it("leaves the calling thread alone", async () => {
    const network = await create(await load({ variant: "simd" }));
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await new Trainer(network).fit(data, { epochs: 3000, worker: true });
    clearInterval(timer);
    expect(turns).toBeGreaterThan(20);
    network.dispose();
  });

  it("ends with its backend", async () => {
    const backend = await load({ variant: "simd" });
    const network = await create(backend);
    setTimeout(() => backend.dispose(), 100);
    await expect(new Trainer(network).fit(data, { epochs: 1e9, worker: true })).rejects.toThrow(DisposedError);
  });

  it("takes no functions but callbacks", async () => {
    const network = await create(await load({ variant: "simd" }));
    const own = { name: "mine", compute: () => 1 };
    const trials: TrainerOptions[] = [{ loss: squares }, { metrics: [own] }];
    for (const trainerOptions of trials) {
      const fitting = new Trainer(network, trainerOptions).fit(data, { worker: true });
      await expect(fitting).rejects.toThrow(ArgumentError);
      await expect(fitting).rejects.toThrow(/^fit: worker: true was given with .*, which cannot be sent to a worker/);
    }
    const fitting = new Trainer(network).fit(data, { worker: 1 as never });
    await expect(fitting).rejects.toThrow("fit: worker: 1 was given, true or false was expected");
    network.dispose();
  });

  it("reads a Matrix that is disposed of meanwhile no further than a fit here would", async () => {
    const backend = await load({ variant: "simd", threads: 1 });
    const network = await create(backend);
    const before = backend.memory();
    const inputs = backend.matrix(90, FEATURES, data.inputs);
    const fitting = new Trainer(network).fit(
      { ...data, inputs },
      {
        worker: true,
        onStep: ({ step }) => {
          if (step === 2) inputs.dispose();
        },
      },
    );
    await expect(fitting).rejects.toThrow(/^fit: a 90x4 matrix was used after its dispose/);
    // once the worker is gone
    await new Promise((resolve) => setTimeout(resolve, 700));
    const { usedBytes, matrices } = backend.memory();
    expect(matrices).toBe(before.matrices);
    expect(usedBytes).toBeLessThan(before.usedBytes + 8 * 90 * FEATURES);
    network.dispose();
  });

  it("that dies is a WorkerError, and the network can be used", async () => {
    const network = await create(await load({ variant: "simd", threads: 1 }));
    const before = await network.digest();
    const trainer = new Trainer(network);
    const real = process.getBuiltinModule;
    const sources = {
      "before it starts": "process.exit(3)",
      "after it has":
        'const { parentPort } = require("worker_threads"); parentPort.postMessage("ready"); setTimeout(() => process.exit(3), 20)',
      "with an error": 'throw new Error("no room")',
    };
    for (const source of Object.values(sources)) {
      vi.spyOn(process, "getBuiltinModule").mockImplementation(((name: string) =>
        name === "node:worker_threads"
          ? {
              Worker: class extends Worker {
                constructor(_: string, options: object) {
                  super(source, options);
                }
              },
            }
          : real(name as never)) as typeof real);
      await expect(trainer.fit(data, { worker: true })).rejects.toThrow(WorkerError);
      vi.restoreAllMocks();
      expect(await network.digest()).toBe(before);
      expect(network.core.busy || network.core.away).toBe(false);
    }
    expect((await trainer.fit(data)).epochs).toBe(1);
    network.dispose();
  });
});
