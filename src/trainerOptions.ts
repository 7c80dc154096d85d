import { ArgumentError, checkNumber, checkOptions, shown } from "./errors";
import { checkLoss, defaultLoss, type LossLike } from "./losses";
import { defaultMetrics, type MetricLike, readMetrics } from "./metrics/metrics";
import { Network } from "./network";
import { type Optimizer, sgd } from "./optimizers";

export interface TrainerOptions {
  /** Default: categoricalCrossEntropy for a softmax output, binaryCrossEntropy for a sigmoid, else sumOfSquares. */
  loss?: LossLike | undefined;
  /** Default: sgd(). */
  optimizer?: Optimizer | undefined;
  /** Names, or metrics of one's own. Default: accuracy where there are classes, else none. */
  metrics?: readonly MetricLike[] | undefined;
  /**
   * The most that the norm of all trainable gradients together may be: a longer one is shortened to it before the update
   * (torch.nn.utils.clip_grad_norm_). Default: no limit.
   */
  clipNorm?: number | undefined;
}

/** With their defaults. */
export type KnownTrainerOptions = Required<Omit<TrainerOptions, "clipNorm">> & Pick<TrainerOptions, "clipNorm">;

/** The options with their defaults. Throws ArgumentError, or DisposedError for a network that is no more. */
export function readTrainerOptions(network: Network, options: TrainerOptions): KnownTrainerOptions {
  const where = "Trainer";
  if (!(network instanceof Network)) {
    throw new ArgumentError(`${where}: ${shown(network)} was given, a network of createNetwork() was expected`);
  }
  network.core.checkAlive(where);
  checkOptions(where, options, ["loss", "optimizer", "metrics", "clipNorm"]);
  const output = network.core.outputActivation;
  const { loss = defaultLoss(output ?? "linear"), optimizer = sgd() } = options;
  checkLoss(where, loss);
  if (typeof optimizer?.advance !== "function") {
    throw new ArgumentError(
      `${where}: optimizer: ${shown(optimizer)} was given, the result of adam(), sgd() or the like was expected`,
    );
  }
  const { metrics = defaultMetrics(loss, output) } = options;
  const { clipNorm } = options;
  if (clipNorm !== undefined) {
    checkNumber(`${where}: clipNorm`, clipNorm, "a finite number above 0", (value) => value > 0);
    if (optimizer.wholeBatch) {
      throw new ArgumentError(
        `${where}: clipNorm: ${clipNorm} was given with ${optimizer.name}, whose line search needs the gradient as it is; none was expected`,
      );
    }
  }
  return { loss, optimizer, metrics: readMetrics(`${where}: metrics`, metrics), clipNorm };
}
