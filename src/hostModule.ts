/**
 * A module of Node by its name, undefined on hosts that have none: without an import, which a bundler for the browser would
 * have to resolve. `Module` is what is used of it.
 */
export function hostModule<Module>(name: `node:${string}`): Module | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?(name: string): unknown } };
  return process?.getBuiltinModule?.(name) as Module | undefined;
}
