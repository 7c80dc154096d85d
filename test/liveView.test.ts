import { describe, expect, it } from "vitest";
import { JsMemory } from "../src/js/memory";
import { LiveView } from "../src/liveView";

describe("a live view", () => {
  it("is of the numbers at its address, where another array of the js variant has the same offset", () => {
    const memory = new JsMemory();
    const [first, second] = [memory.grow(2 ** 20), memory.grow(2 ** 20)];
    if (first === undefined || second === undefined) throw new Error("two regions were expected");
    const [low, high] = [first.start, second.start + first.start];
    expect(memory.view(high, 4).byteOffset).toBe(memory.view(low, 4).byteOffset);
    memory.view(low, 4).fill(1);
    memory.view(high, 4).fill(2);
    const view = new LiveView(memory);
    expect([...view.at(high, 4)]).toEqual([2, 2, 2, 2]);
    expect([...view.at(low, 4)]).toEqual([1, 1, 1, 1]);
    expect([...view.at(high, 4)]).toEqual([2, 2, 2, 2]);
  });

  it("is the same object where two take turns, and of the right length", () => {
    const memory = new JsMemory();
    const start = memory.grow(1024)?.start ?? 0;
    const view = new LiveView(memory);
    const [whole, short] = [view.at(start, 16), view.at(start, 5)];
    expect([whole.length, short.length]).toEqual([16, 5]);
    for (let turn = 0; turn < 3; turn++) {
      expect(view.at(start, 16)).toBe(whole);
      expect(view.at(start, 5)).toBe(short);
    }
    expect(view.at(start + 8, 5)).not.toBe(short);
    expect(view.at(start + 8, 5).byteOffset).toBe(short.byteOffset + 8);
  });
});
