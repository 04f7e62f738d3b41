import { describe, expect, test } from "bun:test";
import { dirname, relative, resolve } from "node:path";

const SRC = resolve(import.meta.dir, "../src");

/** Which rooms a room may import besides kit: those that it uses, and what those use, down to domain. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  main: ["cli", "client", "domain"],
  kit: [],
  domain: [],
  store: ["domain"],
  celery: ["domain"],
  bus: ["domain"],
  supervisor: ["store", "celery", "domain"],
  cluster: ["bus", "store", "domain"],
  controller: ["cluster", "supervisor", "bus", "store", "celery", "domain"],
  http: ["controller", "domain"],
  admin: ["client", "domain"],
  branch: ["http", "controller", "cluster", "supervisor", "bus", "store", "celery", "domain"],
  client: ["domain"],
  shell: ["client", "domain"],
  cli: ["client", "shell", "branch", "domain"],
};

interface Import {
  readonly from: string;
  readonly to: string;
  readonly isDynamic: boolean;
}

/** "store" for store/apps.ts, "main" for main.ts. */
const roomOf = (file: string) => file.split("/")[0]?.replace(/\.ts$/, "") ?? "";

/** What a source file in `src` imports from `src`; types too, since a type ties rooms together as well. */
async function importsOf(file: string): Promise<Import[]> {
  const source = await Bun.file(resolve(SRC, file)).text();
  return scan(source, file.endsWith("x") ? "tsx" : "ts")
    .filter(({ path }) => path.startsWith("."))
    .map(({ path, kind }) => ({
      from: file,
      to: relative(SRC, resolve(SRC, dirname(file), path)),
      isDynamic: kind === "dynamic-import",
    }))
    .filter(({ to }) => !to.startsWith(".."));
}

const scan = (source: string, loader: "ts" | "tsx" = "ts") =>
  new Bun.Transpiler({ loader, trimUnusedImports: false }).scanImports(withoutTypeOnly(source));

/** The transpiler drops imports of types alone: without the word they are imports like others. */
function withoutTypeOnly(source: string): string {
  return source
    .replace(/^(import|export) type (?=[\w{*][^=]*? from ")/gm, "$1 ")
    .replace(/^(?:import|export) \{[^}]*\}/gm, (names) => names.replace(/\btype (?=\w)/g, ""));
}

async function sourceFiles(): Promise<string[]> {
  const files = await Array.fromAsync(new Bun.Glob("**/*.{ts,tsx}").scan(SRC));
  // A test may build more than its room does: it puts the parts together.
  return files.filter((file) => !file.endsWith(".test.ts")).toSorted();
}

const files = await sourceFiles();
const imports = (await Promise.all(files.map(importsOf))).flat();

describe("the rooms of src", () => {
  test("each room has its arrows", () => {
    expect(files.map(roomOf).filter((room) => !(room in MAY_IMPORT))).toEqual([]);
  });

  test("imports of types tie rooms together like others", () => {
    const source = `import type { A } from "./a.ts";\nimport { type B } from "./b.ts";\nexport type { C } from "./c.ts";`;
    expect(scan(source).map(({ path }) => path)).toEqual(["./a.ts", "./b.ts", "./c.ts"]);
  });

  test.each(Object.entries(MAY_IMPORT))("%s imports kit and what lies below it alone", (room, below) => {
    const allowed = new Set([room, "kit", ...(room === "kit" ? [] : below)]);
    const wrong = imports.filter(({ from, to }) => roomOf(from) === room && !allowed.has(roomOf(to)));
    expect(wrong.map(({ from, to }) => `${from} → ${to}`)).toEqual([]);
  });

  test("cli imports branch only inside of the commands that need it, so clients start fast", () => {
    const eager = imports.filter((i) => roomOf(i.from) === "cli" && roomOf(i.to) === "branch" && !i.isDynamic);
    expect(eager.map(({ from, to }) => `${from} → ${to}`)).toEqual([]);
  });
});
