import { cp } from "node:fs/promises";
import { defineConfig } from "tsup";

export default defineConfig({
  entry: { index: "src/index.ts" },
  format: "esm",
  target: "es2022",
  platform: "neutral",
  splitting: true,
  sourcemap: true,
  dts: true,
  clean: true,
  async onSuccess() {
    for (const variant of ["scalar", "simd", "relaxed"]) {
      await cp(`build/${variant}.wasm`, `dist/wasm/${variant}.wasm`);
    }
  },
});
