import { MultiBar, Presets } from "cli-progress";

/** Metrics whose names are no words. */
const LABELS = { loss: "cost", f1: "F1", r2: "R²", rocAuc: "ROC AUC" };

/**
 * Reports a fit that begins now. On a terminal a bar tells of the work under way, the row below it of the last epoch, and in the end
 * one line stays; elsewhere there is a line for each epoch, or for each `every` of them and the last. `onStep` and `onEpoch` go to
 * `fit` as they are; `close` ends it, also after an error.
 *
 * @param {{ label: string, epochs: number, every?: number, stream?: NodeJS.WriteStream }} options
 */
export function progress({ label, epochs, every = 1, stream = process.stdout }) {
  const screen = stream.isTTY ? new Screen(stream, label, epochs) : undefined;
  const pace = new Pace(epochs);
  /** The last epoch, as long as no line tells of it. */
  let untold;
  let drawn = -Infinity;
  // whoever reads may go away, a terminal too: that ends the report, not the training
  const ignore = () => {};
  stream.on("error", ignore);

  const place = (epoch) => `epoch ${String(epoch).padStart(String(epochs).length)}/${epochs}`;
  const line = (...parts) => `${label} ${parts.filter(Boolean).join("  ")}\n`;
  return {
    onStep(info) {
      pace.step(info);
      // the screen draws itself now and then: what it shows is made no more often than that
      if (screen === undefined || performance.now() - drawn < 40) return;
      drawn = performance.now();
      const batch = pace.batches === undefined ? `, batch ${info.batch}` : "";
      screen.work(pace.done, place(info.epoch) + batch, `cost ${figure(info.cost)}`, pace.speed, pace.left);
    },
    onEpoch(info) {
      pace.epoch(info);
      const numbers = measures(info);
      screen?.work(pace.done, place(info.epoch), `cost ${figure(info.loss)}`, pace.speed, pace.left);
      screen?.numbers(numbers);
      untold = [place(info.epoch), numbers, pace.speed];
      if (screen !== undefined || info.epoch % every !== 0) return;
      stream.write(line(...untold, pace.left));
      untold = undefined;
    },
    close() {
      screen?.close();
      if (untold !== undefined) stream.write(line(...untold));
      untold = undefined;
      setImmediate(() => stream.off("error", ignore));
    },
  };
}

/** How far a fit has come, how fast it is and how long it will take, counted from where it began: that may be a checkpoint. */
class Pace {
  /** Epochs, of the one under way the part that is known. */
  done = 0;
  /** In an epoch; of a stream as many as in the one before. */
  batches;
  #began;
  #batch;
  #samples = 0;
  #started = performance.now();
  #epochs;

  constructor(epochs) {
    this.#epochs = epochs;
  }

  step({ epoch, batch, batches, samples }) {
    this.#began ??= epoch - 1;
    this.#samples += samples;
    this.#batch = batch;
    this.batches = batches ?? this.batches;
    this.done = epoch - 1 + (this.batches === undefined ? 0 : Math.min(1, batch / this.batches));
  }

  epoch({ epoch }) {
    this.#began ??= epoch - 1;
    this.batches = this.#batch;
    this.done = epoch;
  }

  get #seconds() {
    // a clock may stand still for a millisecond
    return Math.max(1, performance.now() - this.#started) / 1000;
  }

  /** As text, empty where nobody knows; `left` likewise. */
  get speed() {
    return this.#samples > 0 ? `${Math.round(this.#samples / this.#seconds).toLocaleString("en")} samples/s` : "";
  }

  get left() {
    const done = this.done - this.#began;
    const toDo = this.#epochs - this.done;
    return done > 0 && toDo > 0 ? `${duration((this.#seconds * toDo) / done)} left` : "";
  }
}

/** Two rows at the bottom of a terminal, cut at its width. */
class Screen {
  #bars;
  #work;
  #numbers;

  constructor(stream, label, epochs) {
    // linewrap and the cursor are left as they are, for Ctrl-C would not bring them back: rows are cut all the same
    const options = { stream, linewrap: true, barsize: 16, fps: 20, clearOnComplete: true };
    this.#bars = new MultiBar({ ...options, format: "{label} {bar} {text}" }, Presets.shades_classic);
    this.#work = this.#bars.create(epochs, 0, { label, text: "" });
    this.#numbers = this.#bars.create(1, 0, { text: "" }, { format: "{text}" });
  }

  work(done, ...parts) {
    this.#work.update(done, { text: parts.filter(Boolean).join("  ") });
  }

  numbers(text) {
    this.#numbers.update({ text });
  }

  close() {
    this.#bars.stop();
  }
}

/** What an epoch measured: `cost 0.1234 (validation 0.1301)  accuracy 0.9722 (validation 0.9667)`. */
function measures({ epoch, epochs, learningRate, history, ...numbers }) {
  const measured = Object.entries(numbers).filter(([, value]) => typeof value === "number");
  const validationName = (name) => `validation${name.charAt(0).toUpperCase()}${name.slice(1)}`;
  const pairs = new Set(measured.map(([name]) => validationName(name)));
  return measured
    .filter(([name]) => !pairs.has(name))
    .map(([name, value]) => {
      const held = numbers[validationName(name)];
      return `${labelOf(name)} ${figure(value)}${held === undefined ? "" : ` (validation ${figure(held)})`}`;
    })
    .join("  ");
}

/** `meanAbsoluteError` as words; MAE stays what it is. */
function labelOf(name) {
  return LABELS[name] ?? name.replace(/(?<=[a-z])[A-Z](?=[a-z])/g, (letter) => ` ${letter.toLowerCase()}`);
}

function figure(value) {
  const size = Math.abs(value);
  return value === 0 || (size >= 1e-3 && size < 1e6) ? value.toFixed(4) : value.toExponential(3);
}

/** `8 s`, `3 min 20 s`, `1 h 5 min`. */
function duration(seconds) {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}
