/** A training that goes on from a checkpoint, against one that was never interrupted. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import {
  ArgumentError,
  adagrad,
  adam,
  batchNorm,
  createNetwork,
  type Data,
  dense,
  dropout,
  exponentialDecay,
  type FitOptions,
  FormatError,
  lbfgs,
  loadNetwork,
  type Network,
  type Optimizer,
  reduceOnPlateau,
  rmsProp,
  sgd,
  Trainer,
  type TrainerOptions,
} from "../src/index";
import { killTrainings, OPTIMIZERS, seeded } from "./kills/run.mjs";
import { CLASSES, classified, FEATURES, layerOf, oneHotOf } from "./support";
import { onEveryVariant } from "./variants";

const folder = mkdtempSync(join(tmpdir(), "wasmgrad-checkpoint-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

onEveryVariant("a fit that goes on from a checkpoint", (context) => {
  const layers = [dense(5, { activation: "tanh", l1: 1e-4 }), batchNorm(), dropout(0.3), dense(CLASSES, "softmax")];
  const create = (seed = 4) => createNetwork({ inputs: FEATURES, layers, seed, backend: context.backend });
  const data = classified(60);
  const plateau = reduceOnPlateau({ patience: 0, factor: 0.5 });
  const options: FitOptions = {
    epochs: 7,
    batchSize: 16,
    validationSplit: 0.25,
    classWeights: "balanced",
    earlyStopping: { patience: 100 },
    // of the steps and of the history
    schedule: (step, epoch, history) => plateau(step, epoch, history) / (1 + step / 10),
  };

  /** What a fit has come to. */
  async function outcome(network: Network, trainer: Trainer, fitOptions: FitOptions) {
    const history = await trainer.fit(data, fitOptions);
    // the optimizer's state shows in the step that follows
    const cost = trainer.step(data.inputs, data.targets);
    return { history, cost, digest: await network.digest(), predictions: [...network.predict(data.inputs)] };
  }

  const optimizers: [string, Optimizer][] = [
    ["sgd", sgd({ learningRate: 0.1 })],
    ["momentum", sgd({ learningRate: 0.1, momentum: 0.9 })],
    ["adam", adam({ learningRate: 0.01 })],
    ["rmsProp", rmsProp()],
    ["adagrad", adagrad()],
    ["lbfgs", lbfgs({ history: 3 })],
  ];

  it.each(optimizers)("ends where it would have, from any epoch: %s", async (_, optimizer) => {
    const trainerOptions: TrainerOptions = { optimizer, metrics: ["accuracy", "rocAuc"] };
    if (!optimizer.wholeBatch) trainerOptions.clipNorm = 0.5;
    const fitOptions = optimizer.wholeBatch ? { ...options, batchSize: undefined } : options;
    const saved: Uint8Array[] = [];
    const network = await create();
    const checkpoint = { save: (bytes: Uint8Array) => saved.push(bytes) };
    const expected = await outcome(network, new Trainer(network, trainerOptions), { ...fitOptions, checkpoint });
    expect(saved.length).toBe(7);
    for (const resume of saved) {
      const other = await create();
      other.parameters.fill(0.5);
      const trainer = new Trainer(other, trainerOptions);
      expect(await outcome(other, trainer, { ...fitOptions, resume })).toEqual(expected);
      other.dispose();
    }
    network.dispose();
  });

  it("keeps frozen layers, early stopping and metadata", async () => {
    const run = async (more: FitOptions, resumed: boolean) => {
      const network = await create();
      if (!resumed) network.metadata = { columns: ["a", "b"] };
      const trainer = new Trainer(network, { optimizer: adam({ learningRate: 0.3 }) });
      const result = await outcome(network, trainer, {
        ...options,
        epochs: 40,
        earlyStopping: { patience: 2 },
        onEpoch: ({ epoch }) => {
          layerOf(network, 0).trainable = epoch % 2 === 0;
        },
        ...more,
      });
      const { metadata } = network;
      network.dispose();
      return { ...result, metadata };
    };
    const saved: Uint8Array[] = [];
    const expected = await run({ checkpoint: { save: (bytes) => saved.push(bytes) } }, false);
    expect(expected.history.stoppedBy).toBe("earlyStopping");
    expect(saved.length).toBe(expected.history.epochs);
    for (const resume of saved) expect(await run({ resume }, true)).toEqual(expected);
  });

  it("is a network's file too", async () => {
    const network = await create();
    const trainer = new Trainer(network, { optimizer: adam() });
    let saved = new Uint8Array();
    await trainer.fit(data, { checkpoint: { save: (bytes) => (saved = bytes as typeof saved) } });
    const loaded = await loadNetwork(saved, { backend: context.backend });
    expect(await loaded.digest()).toBe(await network.digest());
    network.dispose();
    loaded.dispose();
  });

  it("saves every few epochs and at the end, after onEpoch, and waits for it", async () => {
    const network = await create();
    const trainer = new Trainer(network, { optimizer: sgd() });
    const seen: string[] = [];
    await trainer.fit(data, {
      epochs: 5,
      onEpoch: ({ epoch }) => seen.push(`epoch ${epoch}`),
      checkpoint: {
        every: 2,
        async save() {
          await new Promise((resolve) => setTimeout(resolve, 5));
          seen.push("saved");
        },
      },
    });
    expect(seen).toEqual(["epoch 1", "epoch 2", "saved", "epoch 3", "epoch 4", "saved", "epoch 5", "saved"]);
    network.dispose();
  });

  it("refuses the checkpoint of another network, loss, optimizer or data, says what differs, and touches nothing", async () => {
    const source = await create();
    const trainerOptions: TrainerOptions = { optimizer: adam(), metrics: ["accuracy"] };
    let resume = new Uint8Array();
    await new Trainer(source, trainerOptions).fit(data, {
      ...options,
      epochs: 2,
      checkpoint: { save: (bytes) => (resume = bytes as typeof resume) },
    });
    const wider = [dense(6, "tanh"), ...layers.slice(1)];
    const ours = { batchSize: 16 };
    const hot = { ...data, targets: oneHotOf(data.targets) };
    const cases: [RegExp, { network?: Network; trainer?: TrainerOptions; fit?: FitOptions; data?: Data }][] = [
      [/seed 4 was given, one with 5/, { network: await create(5) }],
      [
        /network: a checkpoint with layers\[0\].units 5 was given, one with 6 was expected/,
        { network: await createNetwork({ inputs: FEATURES, layers: wider, seed: 4, backend: context.backend }) },
      ],
      [
        /loss "categoricalCrossEntropy" was given, one with "huber"/,
        { trainer: { ...trainerOptions, loss: "huber" }, data: hot },
      ],
      [
        /optimizer {"name":"adam",.* was given, one with {"name":"sgd"/,
        { trainer: { ...trainerOptions, optimizer: sgd() } },
      ],
      [
        /optimizer.learningRate 0.001 was given, one with 0.002/,
        { trainer: { ...trainerOptions, optimizer: adam({ learningRate: 0.002 }) } },
      ],
      [/clipNorm null was given, one with 2/, { trainer: { ...trainerOptions, clipNorm: 2 } }],
      [/metrics\[0\] "accuracy" was given, one with "f1"/, { trainer: { ...trainerOptions, metrics: ["f1"] } }],
      [/data.samples 45 was given, one with 36/, { data: classified(48) }],
      [/data.batchSize 16 was given, one with 8/, { fit: { batchSize: 8 } }],
      [/data.seed 4 was given, one with 9/, { fit: { seed: 9 } }],
      [/data.shuffle true was given, one with false/, { fit: { shuffle: false } }],
      [/data.classWeights \[.* was given, one with null/, { fit: { classWeights: undefined } }],
      [
        /validation.samples 15 was given, one with 20/,
        { fit: { validationSplit: undefined, validation: classified(20) }, data: classified(45) },
      ],
      [/earlyStopping .* was given, one with null/, { fit: { earlyStopping: undefined } }],
      [/schedule "a function" was given, one with null/, { fit: { schedule: undefined } }],
    ];
    for (const [
      message,
      { network = await create(), trainer = trainerOptions, fit: more, data: set = data },
    ] of cases) {
      const before = await network.digest();
      const memory = context.backend.memory();
      const tried = new Trainer(network, trainer).fit(set, { ...options, ...ours, ...more, resume });
      await expect(tried).rejects.toThrow(message);
      await expect(tried).rejects.toThrow(/^fit: resume: /);
      await expect(tried).rejects.toBeInstanceOf(ArgumentError);
      expect(await network.digest()).toBe(before);
      expect(context.backend.memory()).toEqual(memory);
      network.dispose();
    }
    const network = await create();
    const plain = new Trainer(network, trainerOptions).fit(data, { ...options, resume: source.toBytes() });
    await expect(plain).rejects.toThrow(
      "fit: resume: a network without a training was given, a checkpoint was expected",
    );
    source.dispose();
    network.dispose();
  });

  it("goes on from a damaged checkpoint or refuses it as a FormatError, and then has touched nothing", async () => {
    const source = await create();
    let saved = new Uint8Array();
    await new Trainer(source, { optimizer: adam() }).fit(data, {
      ...options,
      epochs: 2,
      checkpoint: { save: (bytes) => (saved = bytes as typeof saved) },
    });
    const network = await create();
    const trainer = new Trainer(network, { optimizer: adam() });
    const random = seeded(3);
    const before = await network.digest();
    const header = new DataView(saved.buffer).getUint32(0, true);
    let refused = 0;
    for (let damage = 0; damage < 150; damage++) {
      const bytes = saved.slice();
      // in the header, where it shows; JSON of what was made with is compared and is an ArgumentError where it differs
      bytes[8 + Math.floor(random() * header)] = 32 + Math.floor(random() * 95);
      const error = await trainer.fit(data, { ...options, epochs: 2, resume: bytes }).catch((thrown) => thrown);
      if (!(error instanceof Error)) break;
      expect(error instanceof FormatError || error instanceof ArgumentError).toBe(true);
      expect(error.message).toMatch(/^fit: resume: /);
      refused++;
      expect(await network.digest()).toBe(before);
    }
    expect(refused).toBeGreaterThan(0);
    source.dispose();
    network.dispose();
  });
});

describe("checkpoints in files", () => {
  const create = () => createNetwork({ inputs: FEATURES, layers: [dense(CLASSES, "softmax")], seed: 1 });
  const data = classified(20);

  it("are there whole, with nothing beside them", async () => {
    const network = await create();
    const path = join(folder, "whole.safetensors");
    const trainer = new Trainer(network, { optimizer: adam() });
    await trainer.fit(data, { epochs: 2, checkpoint: { path } });
    expect(readdirSync(folder).filter((name) => name.startsWith("whole"))).toEqual(["whole.safetensors"]);
    const loaded = await loadNetwork(readFileSync(path));
    expect(await loaded.digest()).toBe(await network.digest());
    const other = await create();
    const history = await new Trainer(other, { optimizer: adam() }).fit(data, { epochs: 3, resume: path });
    expect(history.loss.length).toBe(3);
    for (const one of [network, loaded, other]) one.dispose();
  });

  it("that cannot be written or read are ArgumentErrors before a weight moves", async () => {
    const network = await create();
    const before = await network.digest();
    writeFileSync(join(folder, "file"), "");
    const trials: [RegExp, FitOptions][] = [
      [/fit: resume: ".*nothing" was given \(ENOENT.*\), the path of a file was/, { resume: join(folder, "nothing") }],
      [/fit: resume: ".*" was given \(EISDIR/, { resume: folder }],
      [/fit: resume: "" was given/, { resume: "" }],
      [/fit: resume: 7 was given/, { resume: 7 as never }],
      [/fit: checkpoint: ".*" was given \(ENOENT/, { checkpoint: { path: join(folder, "no", "c") } }],
      [/fit: checkpoint: ".*" was given \(ENOTDIR|ENOENT/, { checkpoint: { path: join(folder, "file", "c") } }],
      [/fit: checkpoint: ".*" was given \(it is a folder\)/, { checkpoint: { path: folder } }],
      [/fit: checkpoint: path: "a\\u0000" was given/, { checkpoint: { path: "a\0" } }],
      [/path undefined and save undefined were given/, { checkpoint: {} }],
      [/path "x" and save a function were given/, { checkpoint: { path: "x", save: () => {} } }],
      [/save: 3 was given, a function/, { checkpoint: { save: 3 as never } }],
      [/every: 0 was given/, { checkpoint: { path: "x", every: 0 } }],
      [/"pth" was given, one of path/, { checkpoint: { pth: "x" } as never }],
    ];
    for (const [message, options] of trials) {
      const tried = new Trainer(network).fit(data, options);
      await expect(tried).rejects.toThrow(message);
      await expect(tried).rejects.toBeInstanceOf(ArgumentError);
    }
    expect(await network.digest()).toBe(before);
    network.dispose();
  });

  it("may have one path for two fits, and what killed ones have left is removed", async () => {
    const path = join(folder, "twice.safetensors");
    // of a process that is no more, of this one, and of nobody
    const [dead, ours, other] = [`${path}.999999999-0a.tmp`, `${path}.${process.pid}-0a.tmp`, `${path}.backup`];
    for (const left of [dead, ours, other]) writeFileSync(left, "");
    const networks = await Promise.all([1, 2, 3].map(create));
    const fits = networks.map((network) => new Trainer(network).fit(data, { epochs: 20, checkpoint: { path } }));
    await Promise.all(fits);
    const left = readdirSync(folder).filter((name) => name.startsWith("twice"));
    expect(left.sort()).toEqual([path, ours, other].map((file) => basename(file)).sort());
    const loaded = await loadNetwork(readFileSync(path));
    expect(await loaded.digest()).toBe(await (networks[0] as Network).digest());
    for (const network of [...networks, loaded]) network.dispose();
  });

  it("that cannot be saved end the fit with that error, and the network can be used", async () => {
    const network = await create();
    const trainer = new Trainer(network);
    const failure = new Error("the disk is full");
    const save = () => Promise.reject(failure);
    await expect(trainer.fit(data, { epochs: 2, checkpoint: { save } })).rejects.toBe(failure);
    expect((await trainer.fit(data, { schedule: exponentialDecay({ rate: 0.5 }) })).epochs).toBe(1);
    network.dispose();
  });

  it.each(OPTIMIZERS)("outlive SIGKILL at any instant: %s", { timeout: 60_000 }, async (optimizer) => {
    expect((await killTrainings(optimizer, 2, seeded(optimizer.length))).same).toBe(true);
  });
});
