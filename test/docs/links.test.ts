import { expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { Glob } from "bun";
import { DOCUMENTS } from "./documents.ts";
import { anchorOf, brokenLinks } from "./links.ts";
import { blocksOf, oddBlocks } from "./markdown.ts";

const ROOT = resolve(import.meta.dir, "../..");
const NAMED = DOCUMENTS.map((path) => [basename(path), path] as const);

test.each(NAMED)("%s: its links lead to files and headings that are there", (_, path) => {
  expect(brokenLinks(path)).toEqual([]);
});

test("a link to nothing is found, in code it is none", () => {
  const folder = mkdtempSync(join(tmpdir(), "cyme-links-"));
  const path = join(folder, "a.md");
  writeFileSync(
    path,
    "# The `a`: b\n[1](#the-a-b) [2](#none) [3](b.md) [4](a.md#the-a-b) `[5](c.md)`\n```sh\n[6](d.md)\n```\n",
  );
  expect(brokenLinks(path)).toEqual(["#none", "b.md"]);
  rmSync(folder, { recursive: true });
});

test("headings have the anchors that GitHub gives them", () => {
  expect(anchorOf("GET /&lt;app&gt;/instances/ · …/state/")).toBe("get-appinstances--state");
  expect(anchorOf("What happens when …")).toBe("what-happens-when-");
});

test.each(NAMED)("%s: each block says what it is, and JSON is JSON", (_, path) => {
  const blocks = blocksOf(readFileSync(path, "utf8"));
  expect(oddBlocks(readFileSync(path, "utf8"))).toEqual([]);
  expect(blocks.filter(({ language }) => language === "ts" && basename(path) !== "client.md")).toEqual([]);
  const isBad = (text: string) => {
    try {
      JSON.parse(text);
      return false;
    } catch {
      return true;
    }
  };
  expect(blocks.filter(({ language, text }) => language === "json" && isBad(text)).map(({ line }) => line)).toEqual([]);
  const settings = blocks.filter(({ language }) => language === "ini").flatMap(({ text }) => text.split("\n"));
  expect(settings.filter((line) => !/^$|^[#;]|^\[[A-Za-z:]+\]$|^[A-Za-z_]+=/.test(line))).toEqual([]);
});

/** Files of the project that are named as such: `http/routes.ts`, `test/api/`. */
function filesNamed(markdown: string): string[] {
  const words = [...markdown.replaceAll(/^```[\s\S]*?^```$/gm, "").matchAll(/`([\w./~-]+)`/g)].map(
    ([, word = ""]) => word,
  );
  return words.filter((word) =>
    /^[\w-][\w./-]*\.(ts|tsx|py|sh|css|service)$|^(src|test|scripts|docs|contrib)\/[\w./-]*$/.test(word),
  );
}

test.each(NAMED)("%s: files of the project that it names are there", (_, path) => {
  const files = [...new Glob("{src,test,scripts,contrib,docs,examples}/**").scanSync({ cwd: ROOT, onlyFiles: false })];
  const isThere = (name: string) => existsSync(join(ROOT, name)) || files.some((file) => file.endsWith(`/${name}`));
  expect(filesNamed(readFileSync(path, "utf8")).filter((name) => !isThere(name))).toEqual([]);
});
