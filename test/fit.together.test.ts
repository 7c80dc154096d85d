/** Trainings side by side: none changes a bit of another's, whatever is called in between. */
import { expect, it } from "vitest";
import { adam, batchNorm, createNetwork, dense, dropout, type FitOptions, sgd, Trainer } from "../src/index";
import { CLASSES, classified, FEATURES } from "./support";
import { onEveryVariant } from "./variants";

onEveryVariant("trainings at the same time", (context) => {
  const data = classified(70);
  const layers = [dense(6, "tanh"), batchNorm(), dropout(0.2), dense(CLASSES, "softmax")];
  const create = (seed: number) => createNetwork({ inputs: FEATURES, layers, seed, backend: context.backend });

  /** A fit by itself, which in its callbacks may see to others. */
  async function train(seed: number, worker: boolean, meanwhile: () => unknown = () => {}) {
    const network = await create(seed);
    const trainer = new Trainer(network, { optimizer: seed % 2 === 0 ? adam() : sgd({ momentum: 0.9 }) });
    const options: FitOptions = {
      epochs: 3,
      batchSize: 16,
      validationSplit: 0.2,
      worker,
      // a pause, so that the others come in between
      onStep: async () => {
        await new Promise((resolve) => setTimeout(resolve, 0));
        await meanwhile();
      },
    };
    const history = await trainer.fit(data, options);
    const outcome = { history, digest: await network.digest(), predictions: [...network.predict(data.inputs)] };
    network.dispose();
    return outcome;
  }

  it("come to what each comes to alone, here and in workers", async () => {
    const seeds = [1, 2, 3, 4];
    const alone = [];
    for (const seed of seeds) alone.push(await train(seed, false));
    const bystander = await create(9);
    const other = new Trainer(bystander, { optimizer: adam() });
    const together = await Promise.all(
      seeds.map((seed) =>
        train(seed, seed > 2, () => {
          other.step(data.inputs, data.targets);
          bystander.predict(data.inputs);
          context.backend.matrix(3, 5).dispose();
        }),
      ),
    );
    expect(together).toEqual(alone);
    bystander.dispose();
  });

  it("of one network by two trainers in turn have a state each", async () => {
    const [network, byHand] = [await create(5), await create(5)];
    const [first, second] = [new Trainer(network, { optimizer: adam() }), new Trainer(network, { optimizer: adam() })];
    // the same steps, the second trainer's made between epochs of the first's fit
    await first.fit(data, {
      epochs: 2,
      batchSize: 70,
      shuffle: false,
      onEpoch: () => second.step(data.inputs, data.targets),
    });
    const [one, two] = [new Trainer(byHand, { optimizer: adam() }), new Trainer(byHand, { optimizer: adam() })];
    for (const trainer of [one, two, one, two]) trainer.step(data.inputs, data.targets);
    expect(await network.digest()).toBe(await byHand.digest());
    network.dispose();
    byHand.dispose();
  });
});
