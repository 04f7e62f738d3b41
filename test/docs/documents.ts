import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dir, "../..");

/** Paths of all documents of the project. */
export const DOCUMENTS: readonly string[] = [
  ...["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map((name) => join(ROOT, name)),
  ...readdirSync(join(ROOT, "docs"))
    .filter((name) => name.endsWith(".md"))
    .toSorted()
    .map((name) => join(ROOT, "docs", name)),
];
