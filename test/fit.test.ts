/** Trainer.fit as a whole: beside PyTorch, beside Trainer.step, by its defaults, and after another fit. */
import { expect, it } from "vitest";
import { adam, createNetwork, dense, sgd, Trainer } from "../src/index";
import { readGolden } from "./golden/golden";
import { classified, classifier, FEATURES, figuresOf, largestGap, TOLERANCE } from "./support";
import { onEveryVariant } from "./variants";

const { fits } = readGolden();

onEveryVariant("Trainer.fit", (context) => {
  it("follows PyTorch over whole epochs, validation and a short last batch included", async () => {
    for (const golden of fits) {
      const layers = golden.layers.map(({ units, activation, l1, l2 }) => dense(units, { activation, l1, l2 }));
      const network = await createNetwork({ inputs: golden.features, layers, backend: context.backend });
      network.parameters.set(golden.parameters);
      const trainer = new Trainer(network, { loss: golden.loss, optimizer: adam(golden.options) });
      const history = await trainer.fit(
        { inputs: golden.inputs, targets: golden.targets },
        {
          epochs: golden.epochs,
          batchSize: golden.batchSize,
          shuffle: false,
          validation: { inputs: golden.validationInputs, targets: golden.validationTargets },
        },
      );
      const gaps = {
        loss: largestGap(history.loss, golden.losses),
        validationLoss: largestGap(history.validationLoss, golden.validationLosses),
        parameters: largestGap(network.parameters, golden.finalParameters),
      };
      console.log(`golden fit "${golden.name}" on ${context.backend.variant}, worst gap: ${figuresOf(gaps)}`);
      expect(Math.max(...Object.values(gaps))).toBeLessThanOrEqual(TOLERANCE);
      expect(history.accuracy).toEqual([...golden.accuracies]);
      expect(history.validationAccuracy).toEqual([...golden.validationAccuracies]);
      expect(history.learningRate).toEqual(Array(golden.epochs).fill(golden.options.learningRate));
      expect([history.epochs, history.stoppedBy]).toEqual([golden.epochs, "epochs"]);
      network.dispose();
    }
  });

  it("has the loss, the optimizer and the metrics that fit the outputs, where nobody names them", async () => {
    const expected = [
      ["softmax", "categoricalCrossEntropy", ["accuracy"]],
      ["sigmoid", "binaryCrossEntropy", ["accuracy"]],
      ["linear", "sumOfSquares", []],
      ["relu", "sumOfSquares", []],
    ] as const;
    for (const [activation, loss, metrics] of expected) {
      const network = await createNetwork({ inputs: 2, layers: [dense(2, activation)], backend: context.backend });
      const trainer = new Trainer(network);
      expect([trainer.loss, trainer.metrics]).toEqual([loss, metrics]);
      expect(trainer.optimizer.config).toEqual(sgd().config);
      network.dispose();
    }
  });

  it("goes on with the optimizer's state: 2 epochs and 3 are 5, in bits", async () => {
    const [once, twice] = [await classifier(context.backend), await classifier(context.backend)];
    const data = classified(50);
    const options = { batchSize: 16, validationSplit: 0.2 };
    const whole = await new Trainer(once, { optimizer: adam() }).fit(data, { ...options, epochs: 5 });
    const trainer = new Trainer(twice, { optimizer: adam() });
    const parts = [
      await trainer.fit(data, { ...options, epochs: 2 }),
      await trainer.fit(data, { ...options, epochs: 3 }),
    ];
    expect(await twice.digest()).toBe(await once.digest());
    expect(parts.flatMap(({ loss }) => loss)).toEqual(whole.loss);
    expect(parts.flatMap(({ validationLoss }) => validationLoss)).toEqual(whole.validationLoss);
    once.dispose();
    twice.dispose();
  });

  it("is step by step what Trainer.step does", async () => {
    const [fitted, stepped] = [await classifier(context.backend), await classifier(context.backend)];
    const { inputs, targets } = classified(20);
    await new Trainer(fitted, { optimizer: adam() }).fit({ inputs, targets }, { batchSize: 8, shuffle: false });
    const trainer = new Trainer(stepped, { optimizer: adam() });
    for (const [from, to] of [
      [0, 8],
      [8, 16],
      [16, 20],
    ] as const) {
      trainer.step(inputs.subarray(from * FEATURES, to * FEATURES), targets.subarray(from, to));
    }
    expect(await stepped.digest()).toBe(await fitted.digest());
    fitted.dispose();
    stepped.dispose();
  });
});
