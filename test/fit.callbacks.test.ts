/** What may happen during Trainer.fit: callbacks, signals, a second fit, errors, and the dispose of its network. */
import { setImmediate } from "node:timers/promises";
import { expect, it } from "vitest";
import {
  ArgumentError,
  adam,
  BusyError,
  createNetwork,
  dense,
  type EpochInfo,
  type StepInfo,
  Trainer,
} from "../src/index";
import { CLASSES, classified, classifier, FEATURES, uniform } from "./support";
import { onEveryVariant } from "./variants";

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** A promise that is resolved from outside. */
function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open: () => open(), opened };
}

onEveryVariant("Trainer.fit", (context) => {
  it("tells onStep and onEpoch where it stands", async () => {
    const network = await classifier(context.backend);
    const trainer = new Trainer(network, { optimizer: adam() });
    trainer.step(uniform(FEATURES), [0]);
    const steps: StepInfo[] = [];
    const epochs: EpochInfo[] = [];
    const history = await trainer.fit(classified(25), {
      epochs: 2,
      batchSize: 10,
      validationSplit: 0.2,
      onStep: (info) => {
        steps.push(info);
      },
      onEpoch: (info) => {
        expect(info.history.epochs).toBe(info.epoch);
        expect(info.history.loss).toHaveLength(info.epoch);
        epochs.push(info);
      },
    });
    const place = steps.map(({ step, epoch, batch, batches, samples }) => [step, epoch, batch, batches, samples]);
    expect(place).toEqual([
      [2, 1, 1, 2, 10],
      [3, 1, 2, 2, 10],
      [4, 2, 1, 2, 10],
      [5, 2, 2, 2, 10],
    ]);
    expect(steps.every(({ cost }) => cost > 0)).toBe(true);
    expect(epochs.map(({ epoch, epochs: total }) => [epoch, total])).toEqual([
      [1, 2],
      [2, 2],
    ]);
    epochs.forEach((info, e) => {
      expect(info.loss).toBe(history.loss[e]);
      expect(info.accuracy).toBe(history.accuracy[e]);
      expect(info.validationLoss).toBe(history.validationLoss[e]);
      expect(info.validationAccuracy).toBe(history.validationAccuracy[e]);
    });
    network.dispose();
  });

  it("waits for the promises of its callbacks, and stands still meanwhile", async () => {
    const network = await classifier(context.backend);
    const events: string[] = [];
    const pausing = (name: string) => async () => {
      events.push(`${name} begins`);
      const before = network.parameters.slice();
      await sleep(2);
      expect(network.parameters).toEqual(before);
      events.push(`${name} ends`);
    };
    await new Trainer(network).fit(classified(20), {
      epochs: 2,
      batchSize: 10,
      onStep: pausing("step"),
      onEpoch: pausing("epoch"),
    });
    const step = ["step begins", "step ends"];
    const epoch = [...step, ...step, "epoch begins", "epoch ends"];
    expect(events).toEqual([...epoch, ...epoch]);
    network.dispose();
  });

  it("lets the network be used inside a callback without going another way", async () => {
    const [quiet, used] = [await classifier(context.backend), await classifier(context.backend)];
    const data = classified(30);
    const options = { epochs: 2, batchSize: 8 };
    await new Trainer(quiet, { optimizer: adam() }).fit(data, options);
    const trainer = new Trainer(used, { optimizer: adam() });
    const look = () => {
      used.predict(uniform(300 * FEATURES));
      trainer.evaluate(classified(300, 4));
      used.summary();
      used.clone().dispose();
      return used.digest();
    };
    await trainer.fit(data, { ...options, onStep: look, onEpoch: look });
    expect(await used.digest()).toBe(await quiet.digest());
    quiet.dispose();
    used.dispose();
  });

  it("does not trip over a forward and backward inside a callback", async () => {
    const layers = [dense(6, "gelu"), dense(CLASSES, "softmax")];
    const [quiet, used] = await Promise.all(
      [0, 1].map(() => createNetwork({ inputs: 4, layers, backend: context.backend })),
    );
    if (!quiet || !used) throw new Error("two networks were expected");
    const options = { epochs: 2, batchSize: 8, shuffle: false };
    await new Trainer(quiet).fit(classified(30), options);
    const matrix = context.backend.matrix(50, FEATURES, uniform(50 * FEATURES, 8));
    await new Trainer(used).fit(classified(30), {
      ...options,
      onStep: () => {
        used.forward(matrix);
        used.backward(classified(50).targets, "categoricalCrossEntropy", { sampleWeights: Array(50).fill(0.5) });
      },
    });
    expect(await used.digest()).toBe(await quiet.digest());
    matrix.dispose();
    quiet.dispose();
    used.dispose();
  });

  it("resolves on the weights of the last whole step when its signal is aborted", async () => {
    const network = await classifier(context.backend);
    const trainer = new Trainer(network, { optimizer: adam() });
    const controller = new AbortController();
    let digest: Promise<string> | undefined;
    let steps = 0;
    const history = await trainer.fit(classified(40), {
      epochs: 10,
      batchSize: 10,
      signal: controller.signal,
      onStep: ({ step }) => {
        steps++;
        if (step !== 6) return;
        digest = network.digest();
        controller.abort();
      },
    });
    expect(steps).toBe(6);
    expect([history.stoppedBy, history.epochs, history.loss.length]).toEqual(["signal", 1, 1]);
    expect(await network.digest()).toBe(await digest);
    const none = await trainer.fit(classified(40), { signal: controller.signal });
    expect([none.stoppedBy, none.epochs, none.loss]).toEqual(["signal", 0, []]);
    expect(await network.digest()).toBe(await digest);
    expect((await trainer.fit(classified(40))).stoppedBy).toBe("epochs");
    network.dispose();
  });

  it("is aborted from outside too, while it trains", async () => {
    const network = await classifier(context.backend);
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 20);
    const until = performance.now() + 5000; // a fit that never lets the timer fire ends here, and fails
    const signal = {
      get aborted() {
        return controller.signal.aborted || performance.now() > until;
      },
    };
    const history = await new Trainer(network).fit(classified(64), { epochs: 1e9, signal });
    expect([history.stoppedBy, controller.signal.aborted]).toEqual(["signal", true]);
    network.dispose();
  });

  it("refuses a second fit on a network in training, through whichever trainer", async () => {
    const [network, other] = [await classifier(context.backend), await classifier(context.backend)];
    const [first, second] = [new Trainer(network), new Trainer(network)];
    const data = classified(20);
    const { open, opened } = gate();
    const fitting = first.fit(data, { onStep: () => opened });
    await expect(first.fit(data)).rejects.toThrow(BusyError);
    await expect(second.fit(data)).rejects.toThrow(BusyError);
    expect((await new Trainer(other).fit(data)).epochs).toBe(1);
    open();
    expect((await fitting).epochs).toBe(1);
    expect((await second.fit(data)).epochs).toBe(1);
    expect((await first.fit(data)).epochs).toBe(1);
    network.dispose();
    other.dispose();
  });

  it("refuses a second fit inside a callback, and goes on", async () => {
    const network = await classifier(context.backend);
    const trainer = new Trainer(network);
    const history = await trainer.fit(classified(20), {
      onEpoch: () => expect(trainer.fit(classified(20))).rejects.toThrow(BusyError),
    });
    expect(history.epochs).toBe(1);
    network.dispose();
  });

  it("passes on what a callback throws, and can be called again", async () => {
    const network = await classifier(context.backend);
    const trainer = new Trainer(network);
    const data = classified(20);
    const failure = new RangeError("no disk");
    const fails = () => {
      throw failure;
    };
    for (const options of [
      { onStep: fails },
      { onEpoch: fails },
      { onStep: async () => fails() },
      { onEpoch: async () => fails() },
    ]) {
      await expect(trainer.fit(data, options)).rejects.toBe(failure);
      expect((await trainer.fit(data)).epochs).toBe(1);
    }
    await expect(trainer.fit({ inputs: [NaN, 0, 0, 0], targets: [0] })).rejects.toThrow(ArgumentError);
    await expect(trainer.fit(data, { epochs: -1 })).rejects.toThrow(ArgumentError);
    expect((await trainer.fit(data)).epochs).toBe(1);
    network.dispose();
  });

  it("lets the event loop breathe", async () => {
    const network = await classifier(context.backend);
    const until = performance.now() + 400;
    const signal = {
      get aborted() {
        return performance.now() > until;
      },
    };
    const counts = { timer: 0, immediate: 0 };
    let fitting = true;
    const timer = setInterval(() => {
      counts.timer++;
    }, 1);
    const turns = async () => {
      for (; fitting; counts.immediate++) await setImmediate();
    };
    const turning = turns();
    await new Trainer(network).fit(classified(64), { epochs: 1e9, signal });
    fitting = false;
    clearInterval(timer);
    await turning;
    expect(counts.timer).toBeGreaterThanOrEqual(2);
    expect(counts.immediate).toBeGreaterThanOrEqual(2);
    network.dispose();
  });

  it("rejects, and does not go on in freed memory, where the network is disposed meanwhile", async () => {
    for (const when of ["onStep", "onEpoch"] as const) {
      const network = await classifier(context.backend);
      const before = context.backend.memory().networks;
      const fitting = new Trainer(network).fit(classified(40), { epochs: 2, [when]: () => network.dispose() });
      await expect(fitting).rejects.toMatchObject({ name: "DisposedError" });
      expect(context.backend.memory().networks).toBe(before - 1);
    }
  });
});
