import type { Backend } from "../backend/backend";
import { defaultBackend } from "../backend/load";
import { chunk } from "../chunk";
import { Core } from "../core";
import { checkOptions } from "../errors";
import { checkBackendOption, Network } from "../network";

/**
 * The network that `toBytes` has written, or that a checkpoint holds: it predicts the same bits. A file is checked as a whole
 * before it takes memory. Throws FormatError that says where, ArgumentError, DisposedError, OutOfMemoryError.
 */
export async function loadNetwork(
  bytes: Uint8Array,
  options: { backend?: Backend | undefined } = {},
): Promise<Network> {
  const where = "loadNetwork";
  checkOptions(where, options, ["backend"]);
  const { backend } = options;
  checkBackendOption(where, backend);
  const taken = backend ?? (await defaultBackend());
  const { fillNetwork, readNetwork } = await chunk(where, import("./readNetwork"));
  taken.engine.checkAlive(where);
  // from here on without a pause: the bytes are the caller's
  const file = readNetwork(where, bytes);
  const network = new Network(new Core(taken, file.inputs, file.descriptions, file.seed));
  fillNetwork(network.core, file);
  return network;
}
