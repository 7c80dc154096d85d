import type { Core } from "./core";
import { DivergedError } from "./errors";
import { batchFinite } from "./layers/batchNorm";
import { densePenalty } from "./layers/dense";
import type { LayerRun, LayerState } from "./layers/layer";

const ADVICE = "a lower learningRate, clipNorm, or inputs and targets scaled to about 1 usually help";

/** The error of a step whose cost, or a gradient, is not finite. */
export function diverged(where: string, core: Core, step: number, cost: number): DivergedError {
  if (!Number.isFinite(cost)) return divergedCost(where, core, step, cost);
  const norm = core.passes.runs.find((run) => !batchFinite(run));
  if (norm === undefined) return divergedGradient(where, core, step);
  const { state } = norm;
  const found = `the mean or variance of the batch in ${named(state)} is not finite`;
  return new DivergedError(`${where}: step ${step}: ${found}, finite ones were expected; ${ADVICE}`, step, state.index);
}

/** Of a cost that is not finite: names the first layer whose outputs are not. */
function divergedCost(where: string, core: Core, step: number, cost: number): DivergedError {
  const { runs } = core.passes;
  const { engine } = core;
  const first = runs.find(({ samples, state, y, logits }) =>
    [y, logits].some((address) => address !== 0 && !engine.allFinite(samples * state.units, address)),
  );
  const heavy = first ?? runs.find(({ state }) => !Number.isFinite(densePenalty(engine, state)));
  const { state } = heavy ?? (runs[runs.length - 1] as LayerRun);
  let found = "all outputs are finite";
  if (first !== undefined) found = `${named(state)} is the first whose outputs are not`;
  else if (heavy !== undefined) found += `, the penalty of ${named(state)} is not`;
  return new DivergedError(
    `${where}: step ${step}: the cost is ${cost}, a finite one was expected (${found}); ${ADVICE}`,
    step,
    state.index,
  );
}

/** Of a gradient that is not finite: names the layer nearest to the outputs, from which it has spread. */
function divergedGradient(where: string, core: Core, step: number): DivergedError {
  const strange = ({ parameterCount, weightGradients }: LayerState) =>
    !core.engine.allFinite(parameterCount, weightGradients);
  const state = [...core.states].reverse().find(strange) as LayerState;
  const { parameterCount, weightGradients } = state;
  const at = core.engine.kernels.firstNotFinite(parameterCount, weightGradients);
  const [value] = core.engine.view(weightGradients + 8 * at, 1);
  return new DivergedError(
    `${where}: step ${step}: a gradient of ${named(state)} is ${value}, a finite one was expected; ${ADVICE}`,
    step,
    state.index,
  );
}

function named({ index, description }: LayerState): string {
  return `layers[${index}] (${description.kind})`;
}
