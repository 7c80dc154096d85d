import { parseArgs } from "node:util";

export const SECTIONS = [
  "matmul",
  "training",
  "predict",
  "elementwise",
  "start",
  "memory",
  "curves",
  "border",
  "hog",
  "features",
  "step",
  "crossing",
] as const;
export type Section = (typeof SECTIONS)[number];

export interface Options {
  /** To see in half a minute that all works. */
  readonly quick: boolean;
  readonly sections: readonly Section[];
  readonly peers: boolean;
  /** The version of Node to run under; undefined for the one that runs. */
  readonly node: string | undefined;
}

export const HELP = `npm run bench -- [options]

  --quick              see in half a minute that all works; its figures mean nothing
  --only <names>       some sections, with commas between: ${SECTIONS.join(", ")}
  --peers              beside other libraries too, which are installed in bench/peers
  --node <version>     under another Node, say 24, which is installed in bench/.node

Every run writes what it found to bench/results, as JSON and as a page.
`;

/** Throws a TypeError that says which option is wrong. */
export function readOptions(args: string[]): Options | "help" {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: "boolean", default: false },
      only: { type: "string" },
      peers: { type: "boolean", default: false },
      node: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return "help";
  const named = values.only?.split(",").map((name) => name.trim()) ?? SECTIONS;
  const sections = named.map((name) => {
    const section = SECTIONS.find((known) => known === name);
    if (section === undefined)
      throw new TypeError(`--only: ${name} was given, one of ${SECTIONS.join(", ")} was expected`);
    return section;
  });
  return { quick: values.quick, peers: values.peers, node: values.node, sections };
}
