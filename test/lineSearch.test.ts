import { describe, expect, it } from "vitest";
import { searchStep } from "../src/lineSearch";

type Curve = [name: string, f: (x: number) => number, slope: (x: number) => number];

/** Each falls at 0. */
const curves: Curve[] = [
  ["a parabola", (x) => (x - 3) ** 2, (x) => 2 * (x - 3)],
  ["a steep one far up", (x) => 1e6 + 1e3 * (x - 0.01) ** 2, (x) => 2e3 * (x - 0.01)],
  ["a flat valley", (x) => (x - 2) ** 4, (x) => 4 * (x - 2) ** 3],
  ["waves on a slope", (x) => Math.sin(5 * x) - 6 * x + x * x, (x) => 5 * Math.cos(5 * x) - 6 + 2 * x],
  ["a wall", (x) => (x < 1 ? -Math.log(1 - x) - 3 * x : NaN), (x) => (x < 1 ? 1 / (1 - x) - 3 : NaN)],
  ["a pole", (x) => -x / (x * x + 2), (x) => (x * x - 2) / (x * x + 2) ** 2],
  ["an infinite cost", (x) => (x < 2 ? (x - 1) ** 2 : Infinity), (x) => (x < 2 ? 2 * (x - 1) : Infinity)],
];

describe("searchStep", () => {
  for (const [name, f, slope] of curves) {
    it.each([1e-6, 0.1, 1, 7, 1e4])(`${name}: from %f on, finds what meets the strong Wolfe conditions`, (first) => {
      const asked: number[] = [];
      const at = (x: number) => {
        asked.push(x);
        return { cost: f(x), slope: slope(x) };
      };
      const length = searchStep(at, f(0), slope(0), first);
      expect(length).toBeGreaterThan(0);
      expect(f(length)).toBeLessThanOrEqual(f(0) + 1e-4 * length * slope(0));
      expect(Math.abs(slope(length))).toBeLessThanOrEqual(0.9 * Math.abs(slope(0)));
      // what stands there afterwards is the point that was taken
      expect(asked[asked.length - 1]).toBe(length);
      expect(asked.length).toBeLessThan(31);
    });
  }

  it("goes by slopes where costs differ by rounding alone", () => {
    // 1 + x^2 around 1e-9: no cost is another number than 1
    const f = (x: number) => 1 + (x - 1e-9) ** 2;
    const slope = (x: number) => 2 * (x - 1e-9);
    const length = searchStep((x) => ({ cost: f(x), slope: slope(x) }), f(0), slope(0), 3e-9);
    expect(Math.abs(slope(length))).toBeLessThanOrEqual(0.9 * Math.abs(slope(0)));
    expect(length).toBeGreaterThan(0);
  });

  it("settles for the lowest at a kink, where no slope is flat, and stands there", () => {
    const asked: number[] = [];
    const f = (x: number) => (x < 1 / 3 ? -x : -1 / 3 + 10 * (x - 1 / 3));
    const at = (x: number) => {
      asked.push(x);
      return { cost: f(x), slope: x < 1 / 3 ? -1 : 10 };
    };
    const length = searchStep(at, 0, -1, 1);
    expect(Math.abs(length - 1 / 3)).toBeLessThan(1e-6);
    expect(f(length)).toBe(Math.min(...asked.map(f)));
    expect(asked[asked.length - 1]).toBe(length);
    expect(asked.length).toBeLessThan(40);
  });

  it("is 0 where nothing is lower, and stops after a while", () => {
    let asked = 0;
    const uphill = (x: number) => {
      asked++;
      return { cost: 1 + x, slope: 1 };
    };
    expect(searchStep(uphill, 1, -1, 1)).toBe(0);
    expect(asked).toBeLessThan(40);
    expect(searchStep(() => ({ cost: NaN, slope: NaN }), 1, -1, 1)).toBe(0);
  });

  it("takes the lowest it has seen of a cost that falls for ever", () => {
    const length = searchStep((x) => ({ cost: -x, slope: -1 }), 0, -1, 1);
    expect(length).toBeGreaterThan(1000);
  });
});
