import type { Scope } from "../backend/arena";
import { Matrix } from "../backend/matrix";
import type { Core } from "../core";
import type { Dataset } from "../dataset";
import { OutOfMemoryError } from "../errors";

/** The most bytes that inputs take there. */
const MOST = 2 ** 24;
/** The share of the memory that is left, at most: who runs short is not to be those who must have it. */
const SHARE = 1 / 4;

/** Data whose inputs are a copy, and the end of it. */
export interface Resident {
  readonly data: Dataset;
  free(): void;
}

/**
 * The inputs of a fit of several epochs, once for all in linear memory, where a batch of shuffled rows is gathered in a third
 * of the time: JavaScript looks at the bounds of its arrays for every number. undefined where they stay where they are and are
 * copied batch by batch: a Float32Array or Uint8Array, which is small for a reason, and what is large. Variant js has no other memory.
 */
export function residentInputs(data: Dataset, core: Core): Resident | undefined {
  const { inputs, samples } = data;
  const { backend, engine, scope, inputs: features } = core;
  const length = samples * features;
  const { memory, usedBytes } = scope.arena;
  if (!(inputs instanceof Float64Array) || backend.variant === "js") return undefined;
  if (8 * length > Math.min(MOST, SHARE * (memory.maximumBytes - usedBytes))) return undefined;
  const pointer = allocated(scope, length);
  if (pointer === undefined) return undefined;
  const values = memory.view(pointer, length);
  values.set(inputs.subarray(0, length));
  const matrix = new Matrix(backend, samples, features, pointer, values, () => scope.free(pointer));
  const small = !!engine.kernels.areSmall(length, pointer);
  return { data: { ...data, inputs: matrix, small }, free: () => matrix.dispose() };
}

/** undefined where the host has no more. */
function allocated(scope: Scope, length: number): number | undefined {
  try {
    return scope.allocate("fit", length);
  } catch (error) {
    if (error instanceof OutOfMemoryError) return undefined;
    throw error;
  }
}
