import { checkWeighty, type Data, readData } from "./dataset";
import { ArgumentError, shown } from "./errors";
import { predicting } from "./evaluation";
import { classAt } from "./metrics/counts";
import { tellClasses } from "./metrics/metrics";
import { Network } from "./network";
import { givingBack } from "./room";
import { addTo, totalOf } from "./runningSum";

/**
 * How often samples of each class were told to be of each: row = the class that it is, column = the one that the largest output
 * tells; of a single output no and yes. Counts, or the sum of their weights where samples have some.
 * sklearn.metrics.confusion_matrix. Throws ShapeError, ArgumentError.
 *
 *   classes x classes
 */
export function confusionMatrix(network: Network, data: Data): number[][] {
  const where = "confusionMatrix";
  if (!(network instanceof Network)) {
    throw new ArgumentError(`${where}: ${shown(network)} was given, a network of createNetwork() was expected`);
  }
  const { core } = network;
  core.checkFree(where);
  const { units, outputActivation, inputs, backend } = core;
  if (units > 1 && !tellClasses(units, outputActivation)) {
    throw new ArgumentError(
      `${where}: a network of ${units} ${outputActivation} outputs was given, which tell no one class; softmax outputs, or a single one, were expected`,
    );
  }
  const set = readData(where, data, inputs, units, backend, true);
  checkWeighty(set);
  const classes = units === 1 ? 2 : units;
  const sums = new Float64Array(2 * classes * classes);
  givingBack(core.inference.rooms, () => {
    for (const { rows } of predicting(where, core, set)) {
      for (let i = 0; i < rows.samples; i++) {
        const place = classes * classAt(rows.targets, units, i) + classAt(rows.outputs, units, i);
        addTo(sums, rows.weights?.[i] ?? 1, place);
      }
    }
  });
  const rowOf = (actual: number) =>
    Array.from({ length: classes }, (_, told) => totalOf(sums, classes * actual + told));
  return Array.from({ length: classes }, (_, actual) => rowOf(actual));
}
