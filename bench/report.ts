import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { Row } from "./bench";
import type { Curve } from "./curves";
import type { Machine } from "./machine";

const RESULTS = new URL("results/", import.meta.url);

/** What a run says, on the terminal, in one JSON and on one page. */
export class Report {
  readonly #lines: string[] = [];
  readonly #notes: string[] = [];
  readonly #rows: Row[] = [];
  readonly #curves: Curve[] = [];
  readonly #records: Record<string, object> = {};
  readonly #head: Record<string, unknown>;
  readonly #name: string;
  #shown = false;

  /** `name` is that of its files. */
  constructor(head: Machine & Record<string, unknown>, name: string) {
    this.#head = { ...head };
    this.#name = name;
  }

  /** On the terminal, and on the page. */
  print(text: string): void {
    this.#clear();
    this.#lines.push(text);
    console.log(text);
  }

  /** What could not be had, once. */
  note(text: string): void {
    if (this.#notes.includes(text)) return;
    this.#notes.push(text);
    this.print(text);
  }

  /** What goes on, where someone watches. */
  progress(text: string): void {
    if (!process.stdout.isTTY) return;
    this.#clear();
    process.stdout.write(text.slice(0, process.stdout.columns - 1));
    this.#shown = true;
  }

  #clear(): void {
    if (this.#shown) process.stdout.write("\r\u001b[K");
    this.#shown = false;
  }

  add(...rows: Row[]): void {
    this.#rows.push(...rows);
  }

  draw(curve: Curve): void {
    this.#curves.push(curve);
  }

  record(name: string, figures: object): void {
    this.#records[name] = figures;
  }

  /** Writes both files; returns their paths, a line each. */
  async write(limit: object): Promise<string> {
    this.#clear();
    const data = {
      ...this.#head,
      limit,
      notes: this.#notes,
      rows: this.#rows,
      ...this.#records,
      curves: this.#curves,
      text: this.#lines.join("\n"),
    };
    const name = this.#name;
    await mkdir(RESULTS, { recursive: true });
    const files = { [`${name}.json`]: JSON.stringify(data, null, 1), [`${name}.html`]: await page(data) };
    for (const [file, text] of Object.entries(files)) await writeFile(new URL(file, RESULTS), text);
    return Object.keys(files)
      .map((file) => relative(process.cwd(), fileURLToPath(new URL(file, RESULTS))))
      .join("\n");
  }
}

/** One file that needs nothing else: uPlot and the figures are put into page.html. */
async function page(data: object): Promise<string> {
  const { resolve } = createRequire(import.meta.url);
  const parts: Record<string, string> = {
    style: await readFile(resolve("uplot/dist/uPlot.min.css"), "utf8"),
    script: await readFile(resolve("uplot/dist/uPlot.iife.min.js"), "utf8"),
    // no text of ours can end the script that it stands in
    data: JSON.stringify(data).replaceAll("<", "\\u003c"),
  };
  const template = await readFile(new URL("page.html", import.meta.url), "utf8");
  return template.replace(/\/\*(style|script|data)\*\//g, (_, part) => parts[part] as string);
}
