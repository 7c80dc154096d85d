import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { Entrant } from "../entrant";
import type { Report } from "../report";

/** Modules here, each with the same `open` as our own variants in wasmgrad.ts; they are plain JavaScript, for their libraries are not always installed. */
const MODULES: [name: string, file: string, settings?: string[]][] = [
  ["tfjs-wasm", "tfjs.mjs", ["wasm"]],
  ["tfjs-cpu", "tfjs.mjs", ["cpu"]],
  ["jax-js", "jaxJs.mjs", ["float64"]],
  ["jax-js", "jaxJs.mjs", ["float32"]],
  ["numpy-ts", "numpyTs.mjs"],
  ["ml-matrix", "mlMatrix.mjs"],
  ["brain.js", "brain.mjs"],
];

/** python.py, with what it takes: native, for scale. */
const NATIVE: [name: string, settings: string[]][] = [
  ["PyTorch", ["torch", "1"]],
  ["PyTorch", ["torch", "2"]],
  ["scikit-learn", ["sklearn"]],
];
const PYTHONS = ["python3", "/usr/bin/python3"];

/** All that are there; why the others are not goes into the report. */
export async function openPeers(report: Report): Promise<Entrant[]> {
  // two threads on one core are slower than one
  const native = NATIVE.filter(([, settings]) => Number(settings[1] ?? 1) <= availableParallelism());
  const found = [
    ...(await Promise.all(MODULES.map(([name, file, settings]) => Entrant.peer(name, `peers/${file}`, settings)))),
    ...(await Promise.all(native.map(([name, settings]) => openPython(name, settings)))),
  ];
  const names = [...MODULES, ...native].map(([name]) => name);
  const peers = found.filter((peer) => typeof peer !== "string");
  report.print(`peers      ${peers.map(({ name }) => name).join("; ")}`);
  found.forEach((peer, i) => {
    if (typeof peer === "string") report.note(`without ${names[i]}: ${peer}`);
  });
  return peers;
}

async function openPython(name: string, settings: string[]): Promise<Entrant | string> {
  const script = fileURLToPath(new URL("python.py", import.meta.url));
  let reason = "";
  for (const python of PYTHONS) {
    const peer = await Entrant.start(name, python, [script, ...settings]);
    if (typeof peer !== "string") return peer;
    reason = peer;
  }
  return reason;
}
