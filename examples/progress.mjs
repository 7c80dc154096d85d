import { MultiBar, Presets } from "cli-progress";

/**
 * Reports a fit: a line for each epoch (or for each `every` of them), and on a terminal a bar below them for the work under way. `onStep` and
 * `onEpoch` go to `fit` as they are; `close` ends it, also after an error.
 *
 * @param {{ label: string, epochs: number, every?: number, stream?: NodeJS.WriteStream }} options
 */
export function progress({ label, epochs, every = 1, stream = process.stdout }) {
  const bars = stream.isTTY
    ? new MultiBar(
        {
          format: `${label} {bar} epoch {epoch}/${epochs}  cost {cost}  {speed} samples/s`,
          stream,
          barsize: 20,
          clearOnComplete: true,
          hideCursor: true,
          fps: 20,
        },
        Presets.shades_classic,
      )
    : undefined;
  let bar;
  let samples = 0;
  let drawn = 0;
  const started = performance.now();
  const samplesPerSecond = () => Math.round((1000 * samples) / (performance.now() - started));
  return {
    onStep({ epoch, batch, batches, samples: count, cost }) {
      samples += count;
      if (bars === undefined) return;
      // the bar draws itself now and then: what it shows is made no more often than that, and for an epoch's last step
      const now = performance.now();
      if (now - drawn < 40 && batch < batches) return;
      drawn = now;
      const shown = { epoch, cost: cost.toFixed(4), speed: samplesPerSecond().toLocaleString("en") };
      bar ??= bars.create(epochs * batches, 0, shown);
      bar.update((epoch - 1) * batches + batch, shown);
    },
    onEpoch({ epoch, loss, accuracy, validationAccuracy }) {
      if (epoch % every !== 0 && epoch !== epochs) return;
      const parts = [`${label} epoch ${String(epoch).padStart(String(epochs).length)}/${epochs}`];
      parts.push(`cost ${loss.toFixed(4)}`);
      if (accuracy !== undefined) parts.push(`training accuracy ${accuracy.toFixed(4)}`);
      if (validationAccuracy !== undefined) parts.push(`held-out accuracy ${validationAccuracy.toFixed(4)}`);
      const line = `${parts.join("  ")}\n`;
      if (bars === undefined) stream.write(line);
      else bars.log(line);
    },
    close() {
      // lines that wait to be written are written when the bars are drawn
      bars?.update();
      bars?.stop();
    },
    samplesPerSecond,
  };
}
