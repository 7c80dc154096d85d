import type { Core } from "./core";
import type { Objective, Optimizer, Segment } from "./optimizers";

/**
 * The state of a training, apart from the parameters: how many steps and epochs it has behind it, and the
 * optimizer's slots, each as long as the parameters and in their order. The order of samples and dropout's masks follow
 * from seed, epoch and step: there is nothing else to keep.
 */
export class TrainingState {
  steps = 0;
  epochs = 0;
  /** Steps that each layer has made: those in which it was trainable, as PyTorch counts them. */
  readonly layerSteps: number[];
  /** Addresses of the slots; allocated at the first step, freed with the network. */
  #slots: readonly number[] | undefined;
  /** Which layers were trainable when the segments were cut. */
  #cut: readonly boolean[] = [];

  /** What the optimizer is given, for good. */
  readonly objective: { -readonly [Key in keyof Objective]: Objective[Key] };

  constructor(
    readonly core: Core,
    readonly optimizer: Optimizer,
    evaluate: Pick<Objective, "costAndGradients" | "look">,
  ) {
    this.layerSteps = core.states.map(() => 0);
    const { engine, parameterCount } = core;
    const kernels = engine.kernelsFor(parameterCount);
    const { results } = engine;
    this.objective = { kernels, results, learningRate: optimizer.learningRate, segments: [], ...evaluate };
  }

  /** Starts a step. */
  begin(where: string): void {
    const { states } = this.core;
    this.#slots ??= this.#allocate(where);
    let same = this.#cut.length === states.length;
    for (let l = 0; same && l < states.length; l++) same = this.#cut[l] === states[l]?.trainable;
    if (!same) this.objective.segments = this.#cutSegments(this.#slots);
    this.#count(1);
  }

  /** Takes back a step that came to nothing. */
  undo(): void {
    this.#count(-1);
    if (this.steps > 0) return;
    // no whole step yet: the slots are given back
    for (const slot of this.#slots ?? []) this.core.scope.free(slot);
    this.#slots = undefined;
    this.#cut = [];
  }

  /** The slots, empty before the first step. */
  slotViews(): Float64Array[] {
    const { engine, parameterCount } = this.core;
    return (this.#slots ?? []).map((slot) => engine.view(slot, parameterCount));
  }

  /** Goes on from another training's state. */
  restore(
    where: string,
    steps: number,
    epochs: number,
    layerSteps: readonly number[],
    slots: readonly { copyTo(target: Float64Array): void }[],
  ): void {
    if (slots.length > 0) this.#slots ??= this.#allocate(where);
    const views = this.slotViews();
    slots.forEach((slot, s) => {
      slot.copyTo(views[s] as Float64Array);
    });
    this.steps = steps;
    this.epochs = epochs;
    layerSteps.forEach((count, l) => {
      this.layerSteps[l] = count;
    });
    // the segments know of steps too
    this.#cut = [];
  }

  #allocate(where: string): readonly number[] {
    const { scope, parameterCount } = this.core;
    return scope.allocateAll(where, Array(this.optimizer.slotCount).fill(parameterCount));
  }

  #count(by: 1 | -1): void {
    this.steps += by;
    this.core.step += by;
    for (const segment of this.objective.segments) segment.step += by;
    for (let l = 0; l < this.#cut.length; l++) {
      if (this.#cut[l]) this.layerSteps[l] = (this.layerSteps[l] as number) + by;
    }
  }

  /** Runs of trainable layers that have made the same steps, as long as they can be. */
  #cutSegments(slots: readonly number[]): Segment[] {
    const { states, parameters, gradients } = this.core;
    this.#cut = states.map(({ trainable }) => trainable);
    const runs: { offset: number; length: number; step: number }[] = [];
    for (const { trainable, offset, parameterCount, index } of states) {
      if (!trainable || parameterCount === 0) continue;
      const step = this.layerSteps[index] as number;
      const last = runs[runs.length - 1];
      if (last?.step === step && last.offset + last.length === offset) last.length += parameterCount;
      else runs.push({ offset, length: parameterCount, step });
    }
    return runs.map(({ offset, length, step }) => ({
      step,
      length,
      parameters: parameters + 8 * offset,
      gradients: gradients + 8 * offset,
      slots: slots.map((slot) => slot + 8 * offset),
    }));
  }
}
