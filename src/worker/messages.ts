import type { Loaded } from "../backend/instantiate";
import type { Data } from "../dataset";
import type { Metadata } from "../files/metadata";
import type { FitOptions, StepInfo } from "../fit/fitOptions";
import type { History } from "../fit/history";
import type { LossName } from "../losses";
import type { MetricName } from "../metrics/metrics";
import type { Bytes } from "../numbers";

/** Live views of the caller's network, where memory can be shared: a worker writes there, and reads. */
export interface Window {
  /** Parameters, then running statistics. */
  readonly state: Float64Array;
  readonly gradients: Float64Array;
}

/** The first message to the worker: a fit, as far as it can be told in data. */
export interface Start {
  readonly backend: Loaded["origin"] & Pick<Loaded, "variant"> & { readonly threads: number };
  /** Network, training and fit as they are: a checkpoint's bytes. */
  readonly checkpoint: Uint8Array;
  readonly loss: LossName;
  readonly optimizer: { readonly name: string; readonly config: Readonly<Record<string, number | boolean>> };
  readonly metrics: readonly MetricName[];
  readonly clipNorm: number | undefined;
  /** undefined for a stream, whose batches are asked for. */
  readonly data: Data | undefined;
  readonly options: FitOptions;
  /** Which functions there are on the caller's side. */
  readonly functions: Record<"onStep" | "onEpoch" | "save" | "schedule", boolean>;
  readonly window: Window | undefined;
  /** What the schedule says of the first epoch's steps. */
  readonly factors: Float64Array | undefined;
  readonly aborted: boolean;
}

/** What a network is, where it is told in a message. */
export interface Moved {
  /** Left out where they stand in the window. */
  readonly state?: Float64Array;
  readonly gradients?: Float64Array;
  readonly step: number;
}

/** What a callback may have changed. */
export interface Changed {
  readonly state?: Float64Array;
  readonly step: number;
  readonly trainable: readonly boolean[];
  readonly metadata: Metadata;
}

/** What a worker asks its caller for, and what it is answered. */
export interface Asks {
  step: { ask: { info: StepInfo; moved: Moved }; answer: Changed };
  /** `numbers` are those of the epoch, by their names in the history, undefined where nothing was measured; `moved` where there is an onEpoch. */
  epoch: {
    ask: { numbers: Readonly<Record<string, number | undefined>>; moved: Moved | undefined };
    answer: { changed: Changed | undefined; factors: Float64Array | undefined };
  };
  save: { ask: Bytes; answer: undefined };
  /** The next batch of an epoch of a stream, `first` where the epoch begins; undefined at its end. */
  next: { ask: { first: boolean }; answer: { batch: Data; factor: number | undefined } | undefined };
  leave: { ask: undefined; answer: undefined };
}

export type FromWorker =
  | { [What in keyof Asks]: { kind: "ask"; id: number; what: What; ask: Asks[What]["ask"] } }[keyof Asks]
  | {
      kind: "end";
      /** Network, training and fit as they have become; undefined where they could not be told. */
      checkpoint: Uint8Array | undefined;
      gradients: Float64Array | undefined;
      stoppedBy: History["stoppedBy"];
      error: TransportedError | undefined;
    };

export type ToWorker =
  | Start
  | { kind: "answer"; id: number; answer: unknown }
  /** What was asked for has failed: the caller keeps the error. */
  | { kind: "failed"; id: number }
  | { kind: "abort" };

/** An error in data. */
export interface TransportedError {
  readonly name: string;
  readonly message: string;
  readonly step?: number;
  readonly layer?: number;
  /** It is the caller's own: of a callback or a stream. */
  readonly own: boolean;
}
