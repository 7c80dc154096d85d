/** DivergedError: which step and layer it names, that nothing has moved, and that training goes on as if nothing had been. */
import { describe, expect, it } from "vitest";
import {
  adagrad,
  adam,
  adamW,
  batchNorm,
  type CustomLoss,
  createNetwork,
  DivergedError,
  dense,
  dropout,
  type LayerDescription,
  lbfgs,
  type Network,
  type Optimizer,
  rmsProp,
  type StepInfo,
  sgd,
  Trainer,
} from "../src/index";
import { expectError, layerOf, squares, thrownBy, uniform } from "./support";
import { onEveryVariant } from "./variants";

const ADVICE = "a lower learningRate, clipNorm, or inputs and targets scaled to about 1 usually help";

const optimizers: Record<string, () => Optimizer> = {
  sgd: () => sgd({ learningRate: 0.1 }),
  "sgd with momentum": () => sgd({ learningRate: 0.1, momentum: 0.9 }),
  "sgd, nesterov": () => sgd({ learningRate: 0.1, momentum: 0.9, nesterov: true, weightDecay: 0.01 }),
  rmsProp: () => rmsProp(),
  adagrad: () => adagrad(),
  adam: () => adam({ learningRate: 0.1 }),
  adamW: () => adamW({ learningRate: 0.1 }),
  lbfgs: () => lbfgs({ history: 3 }),
};

const FEATURES = 3;
const UNITS = 2;
const ROWS = 6;
const INPUTS = uniform(ROWS * FEATURES, 3);
const TARGETS = uniform(ROWS * UNITS, 4);
/** Finite, but their squares are not. */
const HUGE = INPUTS.map((value) => value * 1e200);

/** Squares that are wrong on demand. */
function spoilt() {
  const spoil: { value: number | undefined; gradient: number | undefined } = { value: undefined, gradient: undefined };
  const loss: CustomLoss = {
    name: "spoilt",
    value: (batch) => spoil.value ?? squares.value(batch),
    gradient(batch, out) {
      squares.gradient(batch, out);
      if (spoil.gradient !== undefined) out[UNITS] = spoil.gradient;
    },
  };
  return { spoil, loss };
}

onEveryVariant("DivergedError", (context) => {
  const LAYERS: LayerDescription[] = [dense(4, "tanh"), dropout(0.25), dense(3, "relu"), dense(UNITS)];
  /** No tanh, which would make any input a small number. */
  const LINEAR: LayerDescription[] = [dense(4), dropout(0.25), dense(3), dense(UNITS)];
  const create = (layers = LAYERS): Promise<Network> =>
    createNetwork({ inputs: FEATURES, layers, seed: 9, backend: context.backend });

  function expectDiverged(error: unknown, step: number, layer: number, message: RegExp): void {
    expectError(error, message);
    expect(error).toBeInstanceOf(DivergedError);
    const { step: atStep, layer: inLayer, message: text } = error as DivergedError;
    expect([atStep, inLayer]).toEqual([step, layer]);
    expect(text.endsWith(`; ${ADVICE}`), text).toBe(true);
  }

  it("tells where an sgd that goes too far has got to, on the parameters before that step: by hand, step and fit", async () => {
    const RATE = 1e12;
    const layers: LayerDescription[] = [dense(4, "relu"), dense(UNITS)];
    const [byHand, stepped, fitted] = [await create(layers), await create(layers), await create(layers)];
    const expected: Float64Array[] = [];
    for (let step = 1; step < 100; step++) {
      expected.push(byHand.parameters.slice());
      byHand.forward(INPUTS);
      const cost = byHand.backward(TARGETS, "sumOfSquares");
      if (![cost, ...byHand.gradients].every(Number.isFinite)) break;
      byHand.gradients.forEach((gradient, i) => {
        byHand.parameters[i] = (byHand.parameters[i] as number) - RATE * gradient;
      });
    }
    const steps = expected.length;
    expect(steps).toBeGreaterThan(2);
    expect(steps).toBeLessThan(99);

    const optimizer = sgd({ learningRate: RATE });
    const trainer = new Trainer(stepped, { optimizer, loss: "sumOfSquares" });
    for (let step = 1; step < steps; step++) expect(Number.isFinite(trainer.step(INPUTS, TARGETS))).toBe(true);
    const before = stepped.parameters.slice();
    const error = await thrownBy(() => trainer.step(INPUTS, TARGETS));
    expect(error).toBeInstanceOf(DivergedError);
    expect((error as DivergedError).step).toBe(steps);
    expect(String(error)).toMatch(RegExp(`^DivergedError: step: step ${steps}: (the cost is|a gradient of layers\\[)`));
    expect(stepped.parameters).toEqual(before);
    expect(stepped.parameters.every(Number.isFinite)).toBe(true);

    let last = fitted.parameters.slice();
    let whole = 0;
    const onStep = ({ cost }: StepInfo) => {
      whole++;
      expect(Number.isFinite(cost)).toBe(true);
      last = fitted.parameters.slice();
    };
    const fitting = new Trainer(fitted, { optimizer, loss: "sumOfSquares" });
    const data = { inputs: INPUTS, targets: TARGETS };
    const other = await thrownBy(() => fitting.fit(data, { epochs: 100, shuffle: false, onStep }));
    expect(other).toMatchObject({ step: steps, layer: (error as DivergedError).layer });
    expect((other as Error).message).toBe((error as Error).message.replace("step: step", "fit: step"));
    expect(whole).toBe(steps - 1);
    expect(fitted.parameters).toEqual(last);
    expect(fitted.parameters).toEqual(stepped.parameters);
    for (const each of [byHand, stepped, fitted]) each.dispose();
  });

  for (const [title, optimizer] of Object.entries(optimizers)) {
    it(`leaves no trace in training: ${title}`, async () => {
      const bad: [string, () => { value?: number; gradient?: number; inputs?: Float64Array }, number][] = [
        ["a cost of NaN", () => ({ value: NaN }), 3],
        ["a cost of -Infinity", () => ({ value: -Infinity }), 3],
        ["a gradient of Infinity", () => ({ gradient: Infinity }), 3],
        ["a gradient of NaN", () => ({ gradient: NaN }), 3],
        ["inputs of 1e200", () => ({ inputs: HUGE }), 3],
      ];
      for (const [what, spoiling, layer] of bad) {
        for (const first of [true, false]) {
          const [tried, clean] = [await create(LINEAR), await create(LINEAR)];
          const { spoil, loss } = spoilt();
          const trainers = [tried, clean].map((network) => new Trainer(network, { loss, optimizer: optimizer() }));
          const [failing, reference] = trainers as [Trainer, Trainer];
          const good = (rows: number) => {
            const costs = trainers.map((trainer) =>
              trainer.step(INPUTS.subarray(rows * FEATURES), TARGETS.subarray(rows * UNITS)),
            );
            expect(costs[0]).toBe(costs[1]);
          };
          if (!first) for (const rows of [0, 1, 0]) good(rows);
          const before = tried.parameters.slice();
          const memory = context.backend.memory().usedBytes;
          const { inputs = INPUTS, ...spoils } = spoiling();
          Object.assign(spoil, spoils);
          const step = first ? 1 : 4;
          for (let again = 0; again < 2; again++) {
            const error = await thrownBy(() => failing.step(inputs, TARGETS));
            expectDiverged(error, step, layer, RegExp(`^DivergedError: step: step ${step}: `));
            const data = { inputs, targets: TARGETS };
            const fitting = await thrownBy(() => failing.fit(data, { shuffle: false }));
            expectDiverged(fitting, step, layer, RegExp(`^DivergedError: fit: step ${step}: `));
          }
          expect([what, tried.parameters]).toEqual([what, before]);
          if (!first) expect(context.backend.memory().usedBytes).toBe(memory);
          Object.assign(spoil, { value: undefined, gradient: undefined });
          // dropout's masks, moments and their bias correction: all as if the bad batch had not been
          for (const rows of [2, 0, 1, 3]) good(rows);
          expect([what, tried.parameters]).toEqual([what, clean.parameters]);
          expect([what, tried.parameters.every(Number.isFinite)]).toEqual([what, true]);
          const numbers: number[][] = [[], []];
          for (const [t, trainer] of trainers.entries()) {
            const onStep = ({ step: number }: StepInfo) => numbers[t]?.push(number);
            await trainer.fit({ inputs: INPUTS, targets: TARGETS }, { epochs: 2, seed: 8, onStep });
          }
          expect(numbers[0]).toEqual(first ? [5, 6] : [8, 9]);
          expect(numbers[1]).toEqual(numbers[0]);
          expect(tried.parameters).toEqual(clean.parameters);
          expect(reference.optimizer.name).toBe(failing.optimizer.name);
          for (const each of [tried, clean]) each.dispose();
        }
      }
    });
  }

  describe("and batchNorm", () => {
    const layers: LayerDescription[] = [dense(4), batchNorm(), dropout(0.25), dense(UNITS)];
    const runningOf = (network: Network) => {
      const { runningMean, runningVariance } = layerOf(network, 1);
      return [...runningMean, ...runningVariance];
    };

    for (const title of ["sgd", "adam", "lbfgs"]) {
      it(`leaves its running statistics as they were, and goes on: ${title}`, async () => {
        const [tried, clean] = [await create(layers), await create(layers)];
        const { spoil, loss } = spoilt();
        const optimizer = optimizers[title];
        const [failing, reference] = [tried, clean].map(
          (network) => new Trainer(network, { loss, optimizer: optimizer?.() }),
        );
        for (const spoils of [{ value: NaN }, { gradient: Infinity }]) {
          const costs = [failing, reference].map((trainer) => trainer?.step(INPUTS, TARGETS));
          expect(costs[0]).toBe(costs[1]);
          const before = await tried.digest();
          const running = runningOf(tried);
          Object.assign(spoil, spoils);
          expect(await thrownBy(() => failing?.step(INPUTS, TARGETS))).toBeInstanceOf(DivergedError);
          const data = { inputs: INPUTS, targets: TARGETS };
          expect(await thrownBy(() => failing?.fit(data))).toBeInstanceOf(DivergedError);
          expect(runningOf(tried)).toEqual(running);
          expect(await tried.digest()).toBe(before);
          Object.assign(spoil, { value: undefined, gradient: undefined });
        }
        for (const trainer of [failing, reference]) trainer?.step(INPUTS, TARGETS);
        expect(await tried.digest()).toBe(await clean.digest());
        for (const each of [tried, clean]) each.dispose();
      });
    }

    it("is thrown where the variance of a batch overflows, or else the statistics stay finite", async () => {
      const network = await create([dense(4), batchNorm(), dense(UNITS)]);
      const trainer = new Trainer(network);
      trainer.step(INPUTS, TARGETS);
      const before = runningOf(network);
      const error = await thrownBy(() => trainer.step(HUGE, TARGETS));
      if (error !== undefined) {
        expect(error).toBeInstanceOf(DivergedError);
        expect(runningOf(network)).toEqual(before);
      }
      expect(runningOf(network).filter((value) => !Number.isFinite(value))).toEqual([]);
      network.dispose();
    });

    // the last place looked at is as near to the start as thirty halvings of the way make it
    it("takes the batch nearly at the parameters that it keeps where the line search of lbfgs finds nothing better", async () => {
      const network = await create([dense(4), batchNorm({ momentum: 1 }), dense(UNITS)]);
      let looks = 0;
      const cliff: CustomLoss = {
        name: "cliff",
        value: () => (looks++ === 0 ? 1 : Infinity),
        gradient: ({ outputs }, out) => out.set(outputs),
      };
      const before = network.parameters.slice();
      const expected = [0, 1, 2, 3].map((j) => {
        const { weights, bias } = layerOf(network, 0);
        const column = Array.from({ length: ROWS }, (_, i) =>
          [0, 1, 2].reduce(
            (z, p) => z + (INPUTS[i * FEATURES + p] as number) * (weights[p * 4 + j] as number),
            bias[j] as number,
          ),
        );
        return column.reduce((sum, z) => sum + z) / ROWS;
      });
      new Trainer(network, { loss: cliff, optimizer: lbfgs() }).step(INPUTS, TARGETS);
      expect(looks).toBeGreaterThan(2);
      expect(network.parameters).toEqual(before);
      const mean = [...layerOf(network, 1).runningMean];
      expect(mean.map((value, j) => Math.abs(value - (expected[j] as number)) < 2 ** -24)).toEqual([
        true,
        true,
        true,
        true,
      ]);
      network.dispose();
    });
  });

  it("names the first layer whose outputs are not finite: one in the middle, whatever follows", async () => {
    const layers: LayerDescription[] = [dense(2), dropout(0.1), dense(3), dense(2, "relu"), dense(UNITS, "softmax")];
    for (const [overflowing, kind] of [
      [0, "dense"],
      [2, "dense"],
      [3, "dense"],
      [4, "dense"],
    ] as const) {
      const network = await create(layers);
      // each layer of weights gives outputs of 1 and more, the one in question has some of 1e308
      for (const { weights, bias } of network.layers) {
        weights.fill(1);
        bias.fill(1);
      }
      layerOf(network, overflowing).weights.fill(1e308);
      layerOf(network, overflowing).bias.fill(1e308);
      const inputs = new Float64Array(2 * FEATURES).fill(1);
      const before = network.parameters.slice();
      const trainer = new Trainer(network);
      const named = `layers\\[${overflowing}\\] \\(${kind}\\) is the first whose outputs are not`;
      const message = RegExp(
        `^DivergedError: step: step 1: the cost is (NaN|Infinity), a finite one was expected \\(${named}\\); `,
      );
      expectDiverged(await thrownBy(() => trainer.step(inputs, [0, 1])), 1, overflowing, message);
      expect(network.parameters).toEqual(before);
      network.dispose();
    }
  });

  it("names the output layer where all outputs are finite and the cost is not", async () => {
    const { spoil, loss } = spoilt();
    spoil.value = Infinity;
    const network = await create();
    const trainer = new Trainer(network, { loss });
    const message =
      /^DivergedError: step: step 1: the cost is Infinity, a finite one was expected \(all outputs are finite\); /;
    expectDiverged(await thrownBy(() => trainer.step(INPUTS, TARGETS)), 1, 3, message);
    network.dispose();
  });

  it("names the layer nearest to the outputs whose gradient is not finite, and its number", async () => {
    for (const value of [Infinity, -Infinity, NaN]) {
      const { spoil, loss } = spoilt();
      spoil.gradient = value;
      const network = await create([dense(4, "tanh"), dense(UNITS), dropout(0.001)]);
      const message =
        /^DivergedError: step: step 1: a gradient of layers\[1\] \(dense\) is (NaN|-?Infinity), a finite one was expected; /;
      const error = await thrownBy(() => new Trainer(network, { loss }).step(INPUTS, TARGETS));
      expectDiverged(error, 1, 1, message);
      network.dispose();
    }
    // finite gradients of outputs, too large for the layer below alone
    const loss: CustomLoss = { name: "steep", value: () => 1, gradient: (_, out) => void out.fill(1e300) };
    const network = await create([dense(4), dense(UNITS)]);
    network.parameters.fill(1e-3);
    layerOf(network, 1).weights.fill(1e10);
    const error = await thrownBy(() => new Trainer(network, { loss }).step(INPUTS, TARGETS));
    expectDiverged(
      error,
      1,
      0,
      /^DivergedError: step: step 1: a gradient of layers\[0\] \(dense\) is (NaN|-?Infinity), /,
    );
    network.dispose();
  });

  it("counts the steps of the trainer, not of the fit", async () => {
    const { spoil, loss } = spoilt();
    const network = await create();
    const trainer = new Trainer(network, { loss });
    trainer.step(INPUTS, TARGETS);
    let steps = 1;
    const onStep = ({ step }: StepInfo) => {
      steps = step;
      if (step === 6) spoil.value = NaN;
    };
    const data = { inputs: INPUTS, targets: TARGETS };
    const error = await thrownBy(() => trainer.fit(data, { epochs: 9, batchSize: 2, onStep }));
    expectDiverged(error, 7, 3, /^DivergedError: fit: step 7: the cost is NaN/);
    expect(steps).toBe(6);
    expect(network.core.busy).toBe(false);
    network.dispose();
  });

  it("is not thrown for what a loss of probabilities 0 and 1 makes of outputs that are fused, but is for the plain form", async () => {
    for (const [layers, fused] of [
      [[dense(1, "sigmoid")], true],
      [[dense(1, "sigmoid"), dropout(0)], false],
    ] as [LayerDescription[], boolean][]) {
      const network = await create(layers);
      network.parameters.fill(0);
      layerOf(network, 0).bias.fill(-800);
      const trainer = new Trainer(network, { loss: "binaryCrossEntropy" });
      const error = await thrownBy(() => expect(trainer.step([0, 0, 0], [1])).toBe(800));
      if (fused) expect(error).toBeUndefined();
      else expectDiverged(error, 1, 1, /^DivergedError: step: step 1: the cost is Infinity/);
      network.dispose();
    }
  });

  it("is none of evaluate's, predict's and backward's: they tell what is", async () => {
    const network = await create([dense(UNITS)]);
    network.parameters.fill(1e200);
    const trainer = new Trainer(network);
    expect(trainer.evaluate({ inputs: INPUTS, targets: TARGETS }).loss).toBe(Infinity);
    network.forward(INPUTS);
    expect(network.backward(TARGETS, "sumOfSquares")).toBe(Infinity);
    network.dispose();
  });

  it("is not thrown by the line search of lbfgs, which may look where costs are infinite or NaN", async () => {
    for (const outside of [Infinity, NaN]) {
      const network = await createNetwork({ inputs: 1, layers: [dense(1)], backend: context.backend });
      network.parameters.set([50, 50]);
      let looks = 0;
      // y - log y, of which the least is at 1
      const barrier: CustomLoss = {
        name: "barrier",
        value({ outputs: [y = NaN] }) {
          if (y > 0) return y - Math.log(y);
          looks++;
          return outside;
        },
        gradient({ outputs: [y = NaN] }, out) {
          out[0] = y > 0 ? 1 - 1 / y : NaN;
        },
      };
      const trainer = new Trainer(network, { loss: barrier, optimizer: lbfgs() });
      const costs: number[] = [];
      for (let step = 0; step < 40; step++) costs.push(trainer.step([1], [0]));
      expect(looks).toBeGreaterThan(0);
      expect(costs.every(Number.isFinite)).toBe(true);
      const rises = costs.slice(1).filter((cost, i) => cost > (costs[i] as number) + 1e-12);
      expect(rises).toEqual([]);
      expect(Math.abs((network.predict([1])[0] as number) - 1)).toBeLessThan(1e-6);
      // but a step that starts there
      network.parameters.set([-1, -1]);
      expectDiverged(
        await thrownBy(() => trainer.step([1], [0])),
        41,
        0,
        /^DivergedError: step: step 41: the cost is (NaN|Infinity), /,
      );
      expect([...network.parameters]).toEqual([-1, -1]);
      network.dispose();
    }
  });

  it("is thrown where finite inputs and a finite delta have a product that is not, and not where they have one that is", async () => {
    const steep = {
      name: "steep",
      value: () => 0,
      gradient: (_: unknown, out: Float64Array) => void out.fill(1e140),
    };
    for (const [size, layer] of [
      [1e200, 0],
      [1e100, undefined],
    ] as const) {
      // few samples of many parameters: what is looked at are the factors
      const network = await create([dense(UNITS)]);
      const trainer = new Trainer(network, { loss: steep });
      const before = network.parameters.slice();
      const inputs = new Float64Array(FEATURES).fill(size);
      const error = await thrownBy(() => trainer.step(inputs, new Float64Array(UNITS)));
      if (layer === undefined) expect(error).toBeUndefined();
      else
        expectDiverged(
          error,
          1,
          layer,
          /^DivergedError: step: step 1: a gradient of layers\[0\] \(dense\) is Infinity, /,
        );
      if (layer !== undefined) expect(network.parameters).toEqual(before);
      network.dispose();
    }
  });

  it("names the layer whose penalty is not finite", async () => {
    const network = await create([dense(3, { l2: 1 }), dense(UNITS)]);
    layerOf(network, 0).weights.fill(1e200);
    const error = await thrownBy(() =>
      new Trainer(network).step(new Float64Array(FEATURES), TARGETS.subarray(0, UNITS)),
    );
    expectDiverged(error, 1, 0, /^DivergedError: step: step 1: the cost is Infinity/);
    network.dispose();
  });
});
