/** Trainer.fit on batches that somebody else makes: when they are asked for, what they may be, and what may go wrong. */
import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import {
  adam,
  type BatchStream,
  createNetwork,
  type Data,
  dense,
  dropout,
  type FitData,
  type FitOptions,
  type LayerDescription,
  lbfgs,
  type Network,
  type StepInfo,
  Trainer,
} from "../src/index";
import { CLASSES, classified, classifier, type ErrorRow, expectError, FEATURES, LOSS, thrownBy } from "./support";
import { onEveryVariant, type VariantContext } from "./variants";

const SAMPLES = 22;
const BATCH = 5; // the last one of 2
const DATA = classified(SAMPLES);
const WEIGHTS = Float64Array.from({ length: SAMPLES }, (_, i) => 0.5 + (i % 4));

/** The rows from `from` on, at most `count`. */
function rowsOf(from: number, count = BATCH): Data {
  const to = Math.min(SAMPLES, from + count);
  return { inputs: DATA.inputs.slice(from * FEATURES, to * FEATURES), targets: DATA.targets.slice(from, to) };
}

function batches(): Data[] {
  return Array.from({ length: Math.ceil(SAMPLES / BATCH) }, (_, b) => rowsOf(b * BATCH));
}

function* inTurn(list = batches()): Generator<Data> {
  yield* list;
}

async function* later(list = batches()): AsyncGenerator<Data> {
  for (const [b, batch] of list.entries()) {
    if (b % 2 === 1) await setImmediate();
    yield batch;
  }
}

/** A bare async iterable that is no generator, and has no return(). */
function bare(list = batches()): AsyncIterable<Data> {
  return {
    [Symbol.asyncIterator]() {
      const iterator = list[Symbol.iterator]();
      return { next: async () => iterator.next() };
    },
  };
}

/** Its trainer has seen some steps before, and dropout depends on their number. */
async function started(context: VariantContext): Promise<{ network: Network; trainer: Trainer }> {
  const network = await classifier(context.backend);
  const trainer = new Trainer(network, { optimizer: adam({ learningRate: 0.05 }), metrics: ["accuracy", "rocAuc"] });
  trainer.step(DATA.inputs, DATA.targets);
  return { network, trainer };
}

/** What a fit leaves behind. */
async function outcome(context: VariantContext, data: FitData, options: FitOptions) {
  const { network, trainer } = await started(context);
  const steps: Omit<StepInfo, "batches">[] = [];
  const onStep = ({ batches: _, ...info }: StepInfo) => steps.push(info);
  const history = await trainer.fit(data, { ...options, onStep });
  const parameters = network.parameters.slice();
  network.dispose();
  return { history, parameters, steps };
}

/** Parameters after the first so many batches, one epoch. */
async function after(context: VariantContext, steps: number): Promise<Float64Array> {
  const { network, trainer } = await started(context);
  for (const { inputs, targets } of batches().slice(0, steps)) trainer.step(inputs, targets);
  const parameters = network.parameters.slice();
  network.dispose();
  return parameters;
}

onEveryVariant("a fit on a stream", (context) => {
  it("has the same bits as the same batches in memory, in every form of it", async () => {
    const options: FitOptions = { epochs: 3, validation: DATA };
    const expected = await outcome(context, DATA, { ...options, batchSize: BATCH, shuffle: false });
    expect(expected.steps).toHaveLength(15);
    const streams: (() => BatchStream)[] = [
      () => inTurn(),
      () => later(),
      () => batches(),
      () => bare(),
      () => new Set(batches()),
    ];
    for (const open of streams) expect(await outcome(context, open, options)).toEqual(expected);
    expect(await outcome(context, () => inTurn(), { ...options, shuffle: false })).toEqual(expected);
    // another each epoch
    let epoch = 0;
    const kinds = [() => inTurn(), () => later(), () => bare()];
    expect(await outcome(context, () => (kinds[epoch++] as () => BatchStream)(), options)).toEqual(expected);
    const one = { epochs: 1, validation: DATA };
    const once = await outcome(context, DATA, { ...one, batchSize: BATCH, shuffle: false });
    for (const stream of [later(), bare()]) {
      expect(await outcome(context, stream, one)).toEqual(once);
    }
    expect(await outcome(context, bare(), { validation: DATA })).toEqual(once);
  });

  it("takes weights of samples and of classes", async () => {
    const classWeights = [1, 0.5, 3];
    const weighted = () =>
      batches().map((batch, b) => ({ ...batch, sampleWeights: WEIGHTS.slice(b * BATCH, (b + 1) * BATCH) }));
    const memory = { batchSize: BATCH, shuffle: false, epochs: 2 };
    const expected = await outcome(context, { ...DATA, sampleWeights: WEIGHTS }, { ...memory, classWeights });
    expect(await outcome(context, weighted, { epochs: 2, classWeights })).toEqual(expected);
    expect(expected.parameters).not.toEqual((await outcome(context, DATA, memory)).parameters);
    // some batches with weights and some without
    const mixed = () =>
      weighted().map(({ sampleWeights, ...batch }, b) => (b % 2 ? batch : { ...batch, sampleWeights }));
    const ones = WEIGHTS.map((weight, i) => (Math.floor(i / BATCH) % 2 ? 1 : weight));
    const some = await outcome(context, { ...DATA, sampleWeights: ones }, memory);
    expect(await outcome(context, mixed, { epochs: 2 })).toEqual(some);
  });

  it("takes a generator that uses one array, or one Matrix, for all its batches", async () => {
    const expected = await outcome(context, DATA, { batchSize: BATCH, shuffle: false, epochs: 2 });
    const inputs = new Float64Array(BATCH * FEATURES);
    const targets = new Int32Array(BATCH);
    const matrix = context.backend.matrix(BATCH, FEATURES);
    const last = context.backend.matrix(2, FEATURES);
    const refill = (list: readonly Data[], b: number): Data => {
      // whatever was there is spoilt at once
      const filled = list[b] as { inputs: Float64Array; targets: Int32Array };
      inputs.fill(1e3).set(filled.inputs);
      targets.fill(1).set(filled.targets);
      const rows = filled.targets.length;
      return { inputs: inputs.subarray(0, rows * FEATURES), targets: targets.subarray(0, rows) };
    };
    function* reusing() {
      const list = batches();
      for (let b = 0; b < list.length; b++) yield refill(list, b);
      inputs.fill(1e3);
    }
    async function* reusingLater() {
      for (const batch of reusing()) {
        yield batch;
        await undefined;
      }
    }
    function* reusingMatrix() {
      for (const { inputs, targets } of reusing()) {
        const into = (targets as Int32Array).length === BATCH ? matrix : last;
        into.values.set(inputs as Float64Array);
        yield { inputs: into, targets };
      }
      matrix.values.fill(1e3);
      last.values.fill(1e3);
    }
    // asked for the next batch before the step on this one
    async function* reusingMatrixLater() {
      for (const batch of reusingMatrix()) {
        yield batch;
        await undefined;
      }
    }
    for (const open of [reusing, reusingLater, reusingMatrix, reusingMatrixLater]) {
      expect(await outcome(context, open as () => BatchStream, { epochs: 2 })).toEqual(expected);
    }
    for (const each of [matrix, last]) each.dispose();
  });

  it("is read ahead by one where batches are promised: the next is asked for before the step, and not the one after it", async () => {
    for (const kind of ["iterable", "async iterable"]) {
      const { network, trainer } = await started(context);
      const events: string[] = [];
      const list = batches();
      const next = (b: number): IteratorResult<Data> => {
        events.push(`asked ${b + 1}`);
        return b < list.length ? { done: false, value: list[b] as Data } : { done: true, value: undefined };
      };
      let b = 0;
      const open = (): BatchStream =>
        kind === "iterable"
          ? { [Symbol.iterator]: () => ({ next: () => next(b++) }) }
          : { [Symbol.asyncIterator]: () => ({ next: async () => next(b++) }) };
      await trainer.fit(open, { onStep: ({ batch }) => setImmediate().then(() => events.push(`step ${batch}`)) });
      // what is made at once has nothing to be ahead of
      const inTurns = [1, 2, 3, 4, 5].flatMap((step) => [`asked ${step}`, `step ${step}`]);
      const ahead = ["asked 1", ...[1, 2, 3, 4, 5].flatMap((step) => [`asked ${step + 1}`, `step ${step}`])];
      expect(events).toEqual(kind === "iterable" ? [...inTurns, "asked 6"] : ahead);
      network.dispose();
    }
  });

  it("tells onStep where it stands, with no number of batches", async () => {
    const { network, trainer } = await started(context);
    const steps: StepInfo[] = [];
    await trainer.fit(inTurn as () => BatchStream, { epochs: 2, onStep: (info) => steps.push(info) });
    expect(steps.map(({ epoch, batch, batches, samples }) => [epoch, batch, batches, samples])).toEqual(
      [1, 2].flatMap((epoch) => [5, 5, 5, 5, 2].map((samples, b) => [epoch, b + 1, undefined, samples])),
    );
    network.dispose();
  });

  it("opens the stream once an epoch, with nothing", async () => {
    const { network, trainer } = await started(context);
    const calls: unknown[][] = [];
    const open = (...given: unknown[]) => {
      calls.push(given);
      return batches();
    };
    await trainer.fit(open, { epochs: 3 });
    expect(calls).toEqual([[], [], []]);
    network.dispose();
  });

  /** Batches without end, which tell when they are closed. */
  function endless(kind: "iterable" | "async iterable") {
    const state = { closed: 0, made: 0 };
    function* forever(): Generator<Data> {
      try {
        for (;;) {
          state.made++;
          yield rowsOf(0);
        }
      } finally {
        state.closed++;
      }
    }
    async function* foreverLater(): AsyncGenerator<Data> {
      try {
        for (;;) {
          state.made++;
          yield rowsOf(0);
        }
      } finally {
        state.closed++;
      }
    }
    return { state, open: (): BatchStream => (kind === "iterable" ? forever() : foreverLater()) };
  }

  for (const kind of ["iterable", "async iterable"] as const) {
    it(`closes the generator at the end, after an error and after the signal: ${kind}`, async () => {
      const mine = new Error("mine");
      const controller = new AbortController();
      const stop = ({ batch }: StepInfo, action: () => void) => {
        if (batch === 3) action();
      };
      const endings: [string, FitOptions][] = [
        [
          "error",
          {
            onStep: (info) =>
              stop(info, () => {
                throw mine;
              }),
          },
        ],
        [
          "rejection",
          {
            onStep: async (info) =>
              stop(info, () => {
                throw mine;
              }),
          },
        ],
        ["signal", { signal: controller.signal, onStep: (info) => stop(info, () => controller.abort()) }],
      ];
      for (const [ending, options] of endings) {
        const { network, trainer } = await started(context);
        const { state, open } = endless(kind);
        const result = await trainer.fit(open, options).catch((error) => error);
        if (ending === "signal") expect([result.stoppedBy, result.epochs]).toEqual(["signal", 0]);
        else expect(result).toBe(mine);
        await setImmediate();
        expect([ending, state]).toEqual([ending, { closed: 1, made: kind === "iterable" ? 3 : 4 }]);
        expect(network.core.busy).toBe(false);
        network.dispose();
      }
      // at the end it has closed itself
      const { network, trainer } = await started(context);
      let closed = 0;
      const open = kind === "iterable" ? inTurn : later;
      const closing = () => {
        const iterator = open() as Generator<Data>;
        const wrapped = {
          next: () => iterator.next(),
          return: () => {
            closed++;
            return iterator.return(undefined);
          },
        };
        return {
          [kind === "iterable" ? Symbol.iterator : Symbol.asyncIterator]: () => wrapped,
        } as unknown as BatchStream;
      };
      expect((await trainer.fit(closing, { epochs: 2 })).epochs).toBe(2);
      expect(closed).toBe(0);
      network.dispose();
    });
  }

  it("resolves after an abort though a batch never comes, on the weights of the last whole step", async () => {
    for (const aborting of ["before", "while it waits"]) {
      const { network, trainer } = await started(context);
      const controller = new AbortController();
      async function* hanging(): AsyncGenerator<Data> {
        yield* batches().slice(0, 2);
        await new Promise(() => {});
      }
      let steps = 0;
      const listeners = { added: 0, removed: 0 };
      const signal = {
        get aborted() {
          return controller.signal.aborted;
        },
        addEventListener(type: "abort", listener: () => void) {
          listeners.added++;
          controller.signal.addEventListener(type, listener);
        },
        removeEventListener(type: "abort", listener: () => void) {
          listeners.removed++;
          controller.signal.removeEventListener(type, listener);
        },
      };
      const fitting = trainer.fit(() => hanging(), {
        epochs: 5,
        signal,
        onStep: () => {
          if (++steps === 2 && aborting === "before") controller.abort();
        },
      });
      if (aborting !== "before") setTimeout(() => controller.abort(), 20);
      const history = await fitting;
      expect([history.stoppedBy, history.epochs, history.loss, steps]).toEqual(["signal", 0, [], 2]);
      expect(network.parameters).toEqual(await after(context, 2));
      expect(listeners.removed).toBe(listeners.added);
      expect((await trainer.fit(() => batches())).epochs).toBe(1);
      network.dispose();
    }
  });

  it("waits without an end to its patience where the signal is not aborted, and hangs no loop meanwhile", async () => {
    const { network, trainer } = await started(context);
    async function* slow(): AsyncGenerator<Data> {
      for (const batch of batches().slice(0, 3)) {
        await new Promise((resolve) => setTimeout(resolve, 3));
        yield batch;
      }
    }
    const { signal } = new AbortController();
    const history = await trainer.fit(() => slow(), { signal });
    expect([history.stoppedBy, history.epochs]).toEqual(["epochs", 1]);
    expect(network.parameters).toEqual(await after(context, 3));
    network.dispose();
  });

  const failure = new RangeError("no disk");
  function* failing(count: number): Generator<Data> {
    yield* batches().slice(0, count);
    throw failure;
  }
  async function* failingLater(count: number): AsyncGenerator<Data> {
    yield* failing(count);
  }

  it("rejects with the error of the stream, on the weights of the last whole step", async () => {
    for (const [title, open] of [
      ["sync", () => failing(3)],
      ["async", () => failingLater(3)],
    ] as const) {
      const { network, trainer } = await started(context);
      let last = network.parameters.slice();
      let steps = 0;
      const onStep = () => {
        steps++;
        last = network.parameters.slice();
      };
      expect([title, await thrownBy(() => trainer.fit(open, { epochs: 2, onStep }))]).toEqual([title, failure]);
      expect(network.parameters).toEqual(last);
      expect(network.parameters).toEqual(await after(context, steps));
      expect(steps).toBeGreaterThanOrEqual(2);
      expect((await trainer.fit(() => batches())).epochs).toBe(1);
      network.dispose();
    }
    for (const open of [
      () => failing(0),
      () => failingLater(0),
      () => {
        throw failure;
      },
    ]) {
      const { network, trainer } = await started(context);
      expect(await thrownBy(() => trainer.fit(open as () => BatchStream))).toBe(failure);
      expect(network.parameters).toEqual(await after(context, 0));
      expect(network.core.busy).toBe(false);
      network.dispose();
    }
  });

  it("trains on every batch that came before the error: asynchronous", async () => {
    const { network, trainer } = await started(context);
    await thrownBy(() => trainer.fit(() => failingLater(3)));
    expect(network.parameters).toEqual(await after(context, 3));
    network.dispose();
  });

  it("trains on every batch that came before the error: synchronous", async () => {
    const { network, trainer } = await started(context);
    await thrownBy(() => trainer.fit(() => failing(3)));
    expect(network.parameters).toEqual(await after(context, 3));
    network.dispose();
  });

  it("leaves no rejection unhandled: the batch read ahead fails while the step before it does", async () => {
    const unhandled: unknown[] = [];
    const listen = (reason: unknown) => unhandled.push(reason);
    process.on("unhandledRejection", listen);
    const { network, trainer } = await started(context);
    const mine = new Error("mine");
    const onStep = () => {
      throw mine;
    };
    expect(await thrownBy(() => trainer.fit(() => failingLater(1), { onStep }))).toBe(mine);
    for (let turn = 0; turn < 3; turn++) await setImmediate();
    process.off("unhandledRejection", listen);
    expect(unhandled).toEqual([]);
    network.dispose();
  });

  it("rejects with the error of the fit where closing the stream fails too", async () => {
    const { network, trainer } = await started(context);
    function* careless(): Generator<Data> {
      try {
        yield* batches();
      } finally {
        // biome-ignore lint/correctness/noUnsafeFinally: that is the point
        throw new Error("closing");
      }
    }
    const onStep = () => {
      throw failure;
    };
    expect(await thrownBy(() => trainer.fit(() => careless(), { onStep }))).toBe(failure);
    network.dispose();
  });

  it("frees all memory with its network", async () => {
    const { backend } = context;
    const before = backend.memory();
    const mine = new Error("mine");
    const throwing = () => {
      throw mine;
    };
    const fits: ((trainer: Trainer) => Promise<unknown>)[] = [
      (trainer) => trainer.fit(() => inTurn(), { epochs: 2, validation: DATA, classWeights: [1, 2, 3] }),
      (trainer) => trainer.fit(() => later(), { epochs: 2 }),
      (trainer) => trainer.fit(() => failing(2)),
      (trainer) => trainer.fit(() => failingLater(2)),
      (trainer) => trainer.fit(() => inTurn(), { onStep: throwing }),
      (trainer) => trainer.fit(() => [rowsOf(0), { inputs: DATA.inputs, targets: [1] }]),
      (trainer) => trainer.fit(() => [rowsOf(0), { inputs: [NaN, 0, 0, 0], targets: [1] }]),
    ];
    for (const run of fits) {
      const { network, trainer } = await started(context);
      await thrownBy(() => run(trainer));
      network.dispose();
      const { reservedBytes: _, ...used } = backend.memory();
      const { reservedBytes: __, ...was } = before;
      expect([String(run), used]).toEqual([String(run), was]);
    }
  });

  it("gives back what it made room for where it fails", async () => {
    const { network, trainer } = await started(context);
    await trainer.fit(() => [rowsOf(0)]);
    const before = context.backend.memory().usedBytes;
    const large = classified(500);
    const error = await thrownBy(() => trainer.fit(() => [rowsOf(0), large, { ...large, targets: [1] }]));
    expect(String(error)).toMatch(/^ShapeError: fit: batch 3 of epoch 1: targets: /);
    expect(context.backend.memory().usedBytes).toBe(before);
    network.dispose();
  });

  it("rejects, and touches nothing, where the network is disposed while a batch is on its way", async () => {
    const { network, trainer } = await started(context);
    async function* slow(): AsyncGenerator<Data> {
      yield rowsOf(0);
      await setImmediate();
      network.dispose();
      yield rowsOf(0);
    }
    await expect(trainer.fit(() => slow())).rejects.toMatchObject({ name: "DisposedError" });
  });

  it("lets the generator use the network where that disturbs no batch: predict, evaluate, digest", async () => {
    const { network, trainer } = await started(context);
    function* looking(): Generator<Data> {
      for (const batch of batches()) {
        network.predict(DATA.inputs);
        trainer.evaluate(DATA);
        yield batch;
      }
    }
    await trainer.fit(() => looking());
    expect(network.parameters).toEqual(await after(context, 5));
    network.dispose();
  });

  for (const kind of ["iterable", "async iterable"]) {
    it(`lets the generator run forward and backward (samples of its own making): ${kind}`, async () => {
      const layers: LayerDescription[] = [dense(5, "tanh"), dense(CLASSES, "softmax")];
      const [network, quiet] = await Promise.all(
        [0, 1].map(() => createNetwork({ inputs: FEATURES, layers, seed: 3, backend: context.backend })),
      );
      if (!network || !quiet) throw new Error("two networks were expected");
      const pushed = (own: Network, { inputs, targets }: Data) => {
        own.forward(inputs);
        own.backward(targets, LOSS);
        return own.inputGradients.length;
      };
      function* adversary(): Generator<Data> {
        for (const batch of batches()) {
          pushed(network as Network, rowsOf(3, 4));
          yield batch;
        }
      }
      async function* adversaryLater(): AsyncGenerator<Data> {
        yield* adversary();
      }
      await new Trainer(network).fit(kind === "iterable" ? () => adversary() : () => adversaryLater());
      await new Trainer(quiet).fit(DATA, { batchSize: BATCH, shuffle: false });
      expect(network.parameters).toEqual(quiet.parameters);
      for (const each of [network, quiet]) each.dispose();
    });
  }
});

describe("what a fit on a stream refuses", () => {
  async function refuse(data: unknown, options: FitOptions = {}, optimizer = adam()) {
    const network = await createNetwork({ inputs: FEATURES, layers: [dropout(0.1), dense(CLASSES, "softmax")] });
    const before = network.parameters.slice();
    let steps = 0;
    try {
      return await new Trainer(network, { optimizer }).fit(data as FitData, { ...options, onStep: () => ++steps });
    } finally {
      if (steps === 0) expect(network.parameters).toEqual(before);
      expect(network.core.busy).toBe(false);
      network.dispose();
    }
  }
  const second = (batch: unknown) => () => [rowsOf(0), batch];
  const { inputs, targets } = rowsOf(0, 2) as { inputs: Float64Array; targets: Int32Array };
  let epoch = 0;

  const rows: ErrorRow[] = [
    [
      /^ShapeError: fit: batch 1 of epoch 1: inputs: 7 numbers were given, a multiple of 4 \(columns\) was expected$/,
      () => refuse(() => [{ inputs: inputs.subarray(1), targets }]),
    ],
    [
      /^ShapeError: fit: batch 2 of epoch 1: inputs: 7 numbers were given, a multiple of 4 /,
      () => refuse(second({ inputs: inputs.subarray(1), targets })),
    ],
    [
      /^ShapeError: fit: batch 3 of epoch 2: targets: 1 values were given, 2 samples x 3 units = 6, or 2 class indices /,
      () => {
        epoch = 0;
        return refuse(() => [rowsOf(0), rowsOf(5), ++epoch === 2 ? { inputs, targets: [1] } : rowsOf(10)], {
          epochs: 3,
        });
      },
    ],
    [
      /^ShapeError: fit: batch 2 of epoch 1: inputs: 0 samples were given, at least 1 was /,
      () => refuse(second({ inputs: [], targets: [] })),
    ],
    [
      /^ArgumentError: fit: batch 2 of epoch 1: targets: the class of row 1 is 3, a whole number from 0 to 2 was expected$/,
      () => refuse(second({ inputs, targets: [0, 3] })),
    ],
    [
      /^ArgumentError: fit: batch 2 of epoch 1: inputs: row 1, column 2 is NaN, a finite number was expected/,
      () => refuse(second({ inputs: [0, 0, 0, 0, 0, 0, NaN, 0], targets })),
    ],
    [
      /^ShapeError: fit: batch 2 of epoch 1: sampleWeights: 3 weights were given, 2 /,
      () => refuse(second({ inputs, targets, sampleWeights: [1, 2, 3] })),
    ],
    [
      /^ArgumentError: fit: batch 2 of epoch 1: sampleWeights: the weight of row 1 is -1, /,
      () => refuse(second({ inputs, targets, sampleWeights: [1, -1] })),
    ],
    [
      /^ArgumentError: fit: batch 2 of epoch 1: undefined was given, an object with inputs, targets, /,
      () => refuse(second(undefined)),
    ],
    [
      /^ArgumentError: fit: batch 2 of epoch 1: an array of 2 was given, an object /,
      () => refuse(second([inputs, targets])),
    ],
    [
      /^ArgumentError: fit: batch 2 of epoch 1: option: "input" was given, one of inputs, /,
      () => refuse(second({ input: inputs, targets })),
    ],
    [
      /^ArgumentError: fit: batch 1 of epoch 1: inputs: undefined was given, /,
      () => refuse(() => [Promise.resolve(rowsOf(0))]),
    ],
    [/^ArgumentError: fit: data: epoch 1 had no batch, at least 1 was expected$/, () => refuse(() => [])],
    [/^ArgumentError: fit: data: epoch 1 had no batch, /, () => refuse(() => later([]))],
    [/^ArgumentError: fit: data: epoch 1 had no batch, /, () => refuse(bare([]))],
    [
      /^ArgumentError: fit: data: epoch 2 had no batch, at least 1 was expected, from a function that opens the stream anew each time$/,
      () => {
        const generator = inTurn();
        return refuse(() => generator, { epochs: 2 });
      },
    ],
    [
      /^ArgumentError: fit: data: a function that returned undefined was given, one that returns an iterable of \{ inputs, targets \} was expected$/,
      () => refuse(() => {}),
    ],
    [/^ArgumentError: fit: data: a function that returned null was given, /, () => refuse(() => null)],
    [/^ArgumentError: fit: data: a function that returned an Object was given, /, () => refuse(() => rowsOf(0))],
    [/^ArgumentError: fit: data: a function that returned a Promise was given, /, () => refuse(async () => batches())],
    [
      /^ArgumentError: fit: batchSize: 32 was given with a stream, which makes its batches itself; no batchSize was expected$/,
      () => refuse(inTurn, { batchSize: 32 }),
    ],
    [/^ArgumentError: fit: seed: 1 was given with a stream, /, () => refuse(inTurn, { seed: 1 })],
    [
      /^ArgumentError: fit: validationSplit: 0.2 was given with a stream, /,
      () => refuse(inTurn, { validationSplit: 0.2 }),
    ],
    [
      /^ArgumentError: fit: shuffle: true was given with a stream, whose batches come in its own order; false was expected$/,
      () => refuse(inTurn, { shuffle: true }),
    ],
    [
      /^ArgumentError: fit: data: a stream was given, but lbfgs takes all rows in each step; data in memory were expected$/,
      () => refuse(inTurn, {}, lbfgs()),
    ],
    [
      /^ArgumentError: fit: classWeights: "balanced" was given with a stream, whose classes nobody has counted; an array of 3 weights was expected$/,
      () => refuse(inTurn, { classWeights: "balanced" }),
    ],
    [/^ShapeError: fit: classWeights: 2 weights were given, 3 /, () => refuse(inTurn, { classWeights: [1, 2] })],
    [
      /^ArgumentError: fit: epochs: 2 was given with an async iterable, which is good for one; a function that makes one was expected$/,
      () => refuse(later(), { epochs: 2 }),
    ],
    [
      /^ArgumentError: fit: epochs: 0 was given, a whole number of at least 1 was expected$/,
      () => refuse(later(), { epochs: 0 }),
    ],
    [
      /^ShapeError: fit: validation: targets: 1 values were given, /,
      () => refuse(inTurn, { validation: { inputs, targets: [1] } }),
    ],
  ];

  it.each(rows)("%s", async (message, action) => expectError(await thrownBy(action), message));

  it("shuffle that is no boolean", async () => {
    const shuffle = "yes" as unknown as boolean;
    expectError(await thrownBy(() => refuse(inTurn, { shuffle })), /^ArgumentError: fit: shuffle: "yes" was given, /);
  });

  it("an array of batches, and a generator that was begun, are no data: the message says what was expected", async () => {
    const expected =
      /^ArgumentError: fit: data: an iterable was given, .* or a function that makes an iterable each epoch/;
    for (const given of [batches(), inTurn()]) expectError(await thrownBy(() => refuse(given)), expected);
  });
});
