import { afterAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { DOCUMENTS } from "./documents.ts";
import { runDocument } from "./run-document.ts";
import { openSandbox } from "./sandbox.ts";

const counts: string[] = [];

// Side by side, since most of it is waiting for workers to start.
test.concurrent.each(DOCUMENTS.map((path) => [basename(path), path] as const))(
  "%s: each command block does what stands there",
  async (name, path) => {
    const { ran, leftOut, failures } = await runDocument(readFileSync(path, "utf8"), openSandbox);
    counts.push(`${name}: ${ran} run${leftOut.map((why) => `\n  not run, ${why}`).join("")}`);
    expect(failures.join("\n\n")).toBe("");
  },
  180_000,
);

afterAll(() => void process.stdout.write(`Command blocks of the documents:\n${counts.toSorted().join("\n")}\n`));
