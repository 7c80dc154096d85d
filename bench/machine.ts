import { availableParallelism, cpus, totalmem } from "node:os";

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  /** Cores that this process may use. */
  readonly available: number;
  readonly memory: string;
  readonly platform: string;
  readonly node: string;
  readonly v8: string;
  readonly date: string;
}

/** What the figures are taken on. */
export function machine(): Machine {
  const processors = cpus();
  return {
    processor: processors[0]?.model.trim() ?? "unknown processor",
    cores: processors.length,
    available: availableParallelism(),
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    platform: `${process.platform} ${process.arch}`,
    node: process.versions.node,
    v8: process.versions.v8,
    date: new Date().toISOString().slice(0, 10),
  };
}

export function describeMachine(on: Machine): string {
  const cores = on.available < on.cores ? `${on.cores} cores, ${on.available} of them ours` : `${on.cores} cores`;
  return [
    `machine    ${on.processor}, ${cores}, ${on.memory}, ${on.platform}`,
    `engine     Node ${on.node}, V8 ${on.v8}; ${on.date}`,
  ].join("\n");
}
