import { messageOf, WasmgradError } from "./errors";

/** A part of the library that is a chunk of its own, loaded when it is wanted. Throws a WasmgradError where it cannot be. */
export async function chunk<Module>(where: string, loading: Promise<Module>): Promise<Module> {
  try {
    return await loading;
  } catch (error) {
    throw new WasmgradError(
      `${where}: a chunk of wasmgrad could not be loaded (${messageOf(error)}); all files that the bundler made were expected beside the first`,
      { cause: error },
    );
  }
}
