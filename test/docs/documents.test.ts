import { afterAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { DOCUMENTS } from "./documents.ts";
import { commandBlocks, runDocument } from "./run-document.ts";
import { openSandbox } from "./sandbox.ts";

/** What commands of the documents use and is not in every Debian; setup says where it cannot be had. */
const MISSING = ["curl", "jq", "sqlite3", "openssl"].filter((program) => Bun.which(program) === null);
/** Machines at a time: each starts workers, and other tests run beside. */
const LANES = 4;

const counts: string[] = [];
let free = LANES;
const waiting: (() => void)[] = [];

/** Does it once there is a place. */
async function inLane<T>(work: () => Promise<T>): Promise<T> {
  if (free > 0) free--;
  else await new Promise<void>((begin) => waiting.push(begin));
  try {
    return await work();
  } finally {
    const next = waiting.shift();
    if (next) next();
    else free++;
  }
}

interface Document {
  readonly name: string;
  readonly text: string;
  readonly missing: string | undefined;
}

// Those with the most to do first, else one of them runs alone at the end.
const documents: readonly Document[] = DOCUMENTS.map((path) => ({
  name: basename(path),
  text: readFileSync(path, "utf8"),
}))
  .map(({ name, text }) => ({ name, text, blocks: commandBlocks(text) }))
  .toSorted((a, b) => b.blocks.length - a.blocks.length)
  .map(({ name, text, blocks }) => ({
    name,
    text,
    missing: MISSING.find((program) => blocks.some((block) => new RegExp(`\\b${program}\\b`).test(block.text))),
  }));

// Side by side, since most of it is waiting for workers to start.
for (const { name, text, missing } of documents) {
  // Without a program it could only fail.
  test.concurrent.skipIf(missing !== undefined)(
    `${name}: each command block does what stands there`,
    async () => {
      const { ran, leftOut, failures } = await inLane(() => runDocument(text, openSandbox));
      counts.push(`${name}: ${ran} run${leftOut.map((why) => `\n  not run, ${why}`).join("")}`);
      expect(failures.join("\n\n")).toBe("");
    },
    400_000,
  );
  if (missing !== undefined) counts.push(`${name}: not run, since there is no ${missing} here`);
}

afterAll(() => void process.stdout.write(`Command blocks of the documents:\n${counts.toSorted().join("\n")}\n`));
