import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundleDeclarations } from "../../scripts/declarations.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "cyme-declarations-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Puts files together, the first of them the entry. */
async function bundled(files: Record<string, string>): Promise<string> {
  for (const [name, text] of Object.entries(files)) await Bun.write(join(folder, name), text);
  return bundleDeclarations(join(folder, Object.keys(files)[0] ?? ""));
}

describe("the types of a package in one file", () => {
  test("are what is exported and what that is made of, with comments, and nothing else", async () => {
    const text = await bundled({
      "index.d.ts": 'export { A, type B } from "./a.ts";\n',
      "a.d.ts": [
        'import type { C } from "./deep/c.ts";',
        "/** One line. */",
        "export declare class A {",
        "    /** Of D, which is only spoken of. */",
        "    c(): C;",
        "}",
        "/**",
        " * Two lines.",
        " */",
        "export interface B {",
        "    readonly D: string;",
        "}",
        "export declare const D: number;",
        "export {};",
      ].join("\n"),
      "deep/c.d.ts": 'export type C = "A" | E;\ntype E = string;\n',
    });
    expect(text).toBe(
      [
        "/** One line. */",
        "declare class A {",
        "    /** Of D, which is only spoken of. */",
        "    c(): C;",
        "}",
        'type C = "A" | E;',
        "type E = string;",
        "/**",
        " * Two lines.",
        " */",
        "interface B {",
        "    readonly D: string;",
        "}",
        "export { A, type B };",
        "",
      ].join("\n"),
    );
  });

  test("have all types of a file that is passed on whole", async () => {
    const text = await bundled({
      "index.d.ts": 'export type * from "./a.ts";\n',
      "a.d.ts": "export interface A {\n}\nexport type B = A[];\n",
    });
    expect(text).toEndWith("export { type A, type B };\n");
  });

  test("cannot be where two files mean two things by one name", async () => {
    const files = {
      "index.d.ts": 'export { A } from "./a.ts";\nexport { B } from "./b.ts";\n',
      "a.d.ts": "export interface A {\n    c: C;\n}\ntype C = string;\n",
      "b.d.ts": "export interface B {\n    c: C;\n}\ntype C = number;\n",
    };
    await expect(bundled(files)).rejects.toThrow("both declare C: rename one of them");
  });

  test("cannot be where a name is changed on its way", async () => {
    const files = { "index.d.ts": 'export { A as B } from "./a.ts";\n', "a.d.ts": "export type A = string;\n" };
    await expect(bundled(files)).rejects.toThrow("A as B");
  });
});
