import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { PLACES, type Place, train } from "./engines/training";

describe("one training has the same bits", () => {
  const trainings = new Map<Place, ReturnType<typeof train>>();
  const trained = (place: Place) => {
    const training = trainings.get(place) ?? train(place);
    trainings.set(place, training);
    return training;
  };
  const [first, ...others] = PLACES as readonly [Place, ...Place[]];
  const kinds = ["start", "cost", "step", "history", "epochs", "predictions", "evaluation"] as const;

  it.each(others.flatMap((place) => kinds.map((kind) => [place, kind] as const)))(
    `on $variant, $threads, as on ${first.variant}: %s`,
    async (place, kind) => {
      const expected = (await trained(first))[kind];
      expect(expected).toBeDefined();
      expect((await trained(place))[kind]).toEqual(expected);
    },
  );

  it("as are written down: a change that moves one is to say so (npm run test:engines -- --write)", async () => {
    const { start, step, epochs, predictions } = await trained(first);
    const written = JSON.parse(readFileSync(new URL("engines/digests.json", import.meta.url), "utf8"));
    expect({ start, step, epochs, predictions }).toEqual(written);
  });

  it("every time", async () => {
    expect(await train(first)).toEqual(await trained(first));
  });

  it("and moves: each stage has another digest", async () => {
    const { start, step, epochs } = await trained(first);
    expect(new Set([start, step, epochs]).size).toBe(3);
  });
});
