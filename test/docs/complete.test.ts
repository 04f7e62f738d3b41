import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { COMMANDS } from "../../src/cli/table.ts";
import { blocksOf } from "./markdown.ts";

const read = (name: string) => readFileSync(resolve(import.meta.dir, "../../docs", name), "utf8");

/** `### users.add, users.set` is about two. */
const headings = (markdown: string) =>
  [...markdown.matchAll(/^### (.+)$/gm)].flatMap(([, title = ""]) => title.split(", "));

test("docs/commands.md has a section on each command, and on no other", () => {
  expect(headings(read("commands.md")).toSorted()).toEqual(COMMANDS.map(({ name }) => name).toSorted());
});

test("docs/commands.md shows a call of each command that does not run for ever", () => {
  const typed = blocksOf(read("commands.md"))
    .map(({ text }) => text)
    .join("\n");
  const missing = COMMANDS.map(({ name }) => name).filter(
    (name) => !new RegExp(`^\\$ .*cyme .*\\b${name}( |$)`, "m").test(typed),
  );
  expect(missing).toEqual([]);
});
