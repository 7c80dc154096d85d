import v8 from "node:v8";

// Node 20 has relaxed SIMD behind a flag: with it the tests run on every variant there too
if (Number(process.versions.node.split(".")[0]) < 22) v8.setFlagsFromString("--experimental-wasm-relaxed-simd");
