import { afterAll, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { runDocument } from "./run-document.ts";
import { openSandbox } from "./sandbox.ts";

const ROOT = resolve(import.meta.dir, "../..");
const DOCUMENTS = [
  "README.md",
  "CONTRIBUTING.md",
  ...readdirSync(join(ROOT, "docs")).map((name) => `docs/${name}`),
].filter((name) => name.endsWith(".md"));

const counts: string[] = [];

// Side by side, since most of it is waiting for workers to start.
test.concurrent.each(DOCUMENTS)(
  "%s: each command block does what stands there",
  async (name) => {
    const { ran, leftOut, failures } = await runDocument(readFileSync(join(ROOT, name), "utf8"), openSandbox);
    counts.push(`${name}: ${ran} run${leftOut.map((why) => `\n  not run, ${why}`).join("")}`);
    expect(failures.join("\n\n")).toBe("");
  },
  180_000,
);

afterAll(() => void process.stdout.write(`Command blocks of the documents:\n${counts.toSorted().join("\n")}\n`));
