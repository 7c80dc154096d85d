import { ArgumentError, checkName, shown } from "../errors";
import { validationNameOf } from "../metrics/metrics";

/** Whether small is good or large. */
export type MonitorMode = "min" | "max";

export const monitorModes = ["min", "max"] as const satisfies readonly MonitorMode[];

/** Of the measures of the library, in training and in validation. */
const DEFAULTS: ReadonlyMap<string, MonitorMode> = new Map([
  ...withValidation("min", ["loss", "meanAbsoluteError"]),
  ...withValidation("max", ["accuracy", "precision", "recall", "f1", "rocAuc", "r2"]),
]);

function withValidation(mode: MonitorMode, names: readonly string[]): [string, MonitorMode][] {
  return [...names, ...names.map(validationNameOf)].map((name) => [name, mode]);
}

/** Which numbers of `history[monitor]` are the better ones; undefined for a name that is not of the library. */
export function defaultMode(monitor: string): MonitorMode | undefined {
  return DEFAULTS.get(monitor);
}

/** The mode that was given, or else the monitor's own. Throws ArgumentError where it has none, or for another word. */
export function modeOf(
  where: string,
  monitor: string,
  mode: MonitorMode | undefined = defaultMode(monitor),
): MonitorMode {
  if (mode === undefined) {
    throw new ArgumentError(
      `${where}: mode: none was given for the monitor ${shown(monitor)}, "min" or "max" was expected: whether small is good or large`,
    );
  }
  checkName(`${where}: mode`, mode, monitorModes);
  return mode;
}
