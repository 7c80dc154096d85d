/** Trainers with a loss of one's own: it is as good as a built-in one, and where it throws the step is taken back. */
import { expect, it } from "vitest";
import { adam, type CustomLoss, createNetwork, dense, dropout, type LossBatch, Trainer } from "../src/index";
import {
  CLASSES,
  classified,
  classifier,
  FEATURES,
  gap,
  largestGap,
  oneHotOf,
  recorder,
  TOLERANCE,
  uniform,
} from "./support";
import { onEveryVariant } from "./variants";

/** J of the built-in losses, from their formulas; sums w_i J_i / n. */
function imitation(
  name: string,
  units: number,
  J: (y: number, t: number) => number,
  slope: (y: number, t: number) => number,
): CustomLoss {
  return {
    name,
    value({ outputs, targets, samples, sampleWeights }: LossBatch) {
      const terms = [...outputs].map(
        (y, e) => (sampleWeights?.[Math.floor(e / units)] ?? 1) * J(y, targets[e] as number),
      );
      return terms.reduce((a, b) => a + b, 0) / samples;
    },
    gradient({ outputs, targets, samples, sampleWeights }: LossBatch, out: Float64Array) {
      out.forEach((_, e) => {
        const weight = sampleWeights?.[Math.floor(e / units)] ?? 1;
        out[e] = (weight * slope(outputs[e] as number, targets[e] as number)) / samples;
      });
    },
  };
}

onEveryVariant("a loss of one's own", (context) => {
  const cases = [
    [
      "sumOfSquares",
      "tanh",
      imitation(
        "squares",
        3,
        (y, t) => (y - t) ** 2 / 2,
        (y, t) => y - t,
      ),
    ],
    [
      "categoricalCrossEntropy",
      "softmax",
      imitation(
        "cross",
        3,
        (y, t) => -t * Math.log(y),
        (y, t) => -t / y,
      ),
    ],
    [
      "binaryCrossEntropy",
      "sigmoid",
      imitation(
        "binary",
        3,
        (y, t) => -t * Math.log(y) - (1 - t) * Math.log1p(-y),
        (y, t) => (y - t) / (y * (1 - y)),
      ),
    ],
  ] as const;

  it.each(cases)("equals %s, which it imitates, in fit, step and evaluate", async (loss, activation, own) => {
    const layers = [dense(6, { activation: "gelu", l2: 0.01 }), dropout(0.2), dense(CLASSES, activation)];
    const builtIn = await createNetwork({ inputs: FEATURES, layers, backend: context.backend });
    const custom = builtIn.clone();
    const { inputs, targets } = classified(300);
    const data = { inputs, targets: oneHotOf(targets), sampleWeights: uniform(300, 8).map((w) => w + 1) };
    const trainers = [new Trainer(builtIn, { loss }), new Trainer(custom, { loss: own })] as const;
    const [a, b] = [trainers[0].step(inputs, data.targets), trainers[1].step(inputs, data.targets)];
    expect(gap(b, a)).toBeLessThanOrEqual(TOLERANCE);
    const options = { epochs: 2, batchSize: 32, validationSplit: 0.1 };
    const histories = [await trainers[0].fit(data, options), await trainers[1].fit(data, options)] as const;
    expect(largestGap(histories[1].loss, histories[0].loss)).toBeLessThanOrEqual(TOLERANCE);
    expect(largestGap(histories[1].validationLoss, histories[0].validationLoss)).toBeLessThanOrEqual(TOLERANCE);
    expect(largestGap(custom.parameters, builtIn.parameters)).toBeLessThanOrEqual(TOLERANCE);
    const [known, found] = [trainers[0].evaluate(data), trainers[1].evaluate(data)];
    expect(gap(found.loss, known.loss)).toBeLessThanOrEqual(TOLERANCE);
    builtIn.dispose();
    custom.dispose();
  });

  it("is shown class indices as one-hot rows", async () => {
    const network = await classifier(context.backend);
    const seen: number[][] = [];
    const { loss } = recorder();
    const trainer = new Trainer(network, {
      loss: {
        ...loss,
        gradient: ({ targets }) => {
          seen.push([...targets]);
        },
      },
    });
    trainer.step(uniform(2 * FEATURES), [2, 0]);
    expect(seen).toEqual([[0, 0, 1, 1, 0, 0]]);
    network.dispose();
  });
});

onEveryVariant("Trainer.fit", (context) => {
  it("takes a step back that came to nothing: the next has the bits that it would have had", async () => {
    const [smooth, interrupted] = [await classifier(context.backend), await classifier(context.backend)];
    const { inputs, targets } = classified(20);
    const rows = oneHotOf(targets);
    const squares = imitation(
      "squares",
      CLASSES,
      (y, t) => (y - t) ** 2 / 2,
      (y, t) => y - t,
    );
    let fails = false;
    const failing = (part: "value" | "gradient"): CustomLoss => ({
      ...squares,
      [part]: (batch: LossBatch, out: Float64Array) => {
        if (fails) throw new RangeError(part);
        return squares[part](batch, out);
      },
    });
    for (const part of ["value", "gradient"] as const) {
      const [first, second] = [
        new Trainer(smooth, { loss: squares, optimizer: adam() }),
        new Trainer(interrupted, { loss: failing(part), optimizer: adam() }),
      ];
      for (const at of [0, 1, 2]) {
        fails = true;
        expect(() => second.step(inputs, rows)).toThrow(RangeError);
        await expect(second.fit({ inputs, targets: rows })).rejects.toThrow(RangeError);
        fails = false;
        expect(second.step(inputs, rows), `${part}, step ${at}`).toBe(first.step(inputs, rows));
      }
    }
    expect(await interrupted.digest()).toBe(await smooth.digest());
    smooth.dispose();
    interrupted.dispose();
  });
});
