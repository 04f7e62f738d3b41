import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { splitWords } from "../../kit/shell-words.ts";
import { bindArguments, bindOptions, findCommand, scan } from "../parse.ts";
import { COMMANDS, optionsOf } from "../table.ts";
import { prose } from "./mdoc.ts";
import { branchPage, cymePage } from "./pages.ts";

const FOLDER = join(import.meta.dir, "../../../man");
const PAGES = [
  ["cyme.1", cymePage()],
  ["cyme-branch.1", branchPage()],
] as const;

describe.each(PAGES)("%s", (file, page) => {
  test("is made of the tables; else: bun scripts/generate.ts", async () => {
    expect(await Bun.file(join(FOLDER, file)).text()).toBe(page);
  });

  // Debian's package mandoc; setup.sh says where it cannot be had.
  test.skipIf(!Bun.which("mandoc"))("is clean to mandoc", () => {
    const { exitCode, stdout } = Bun.spawnSync(["mandoc", "-T", "lint", "-W", "warning", join(FOLDER, file)]);
    expect({ exitCode, said: stdout.toString() }).toEqual({ exitCode: 0, said: "" });
  });

  // It is not on every machine that tests.
  test.skipIf(!Bun.which("groff"))("is clean to groff", () => {
    const { exitCode, stderr } = Bun.spawnSync(["groff", "-mdoc", "-ww", "-z", join(FOLDER, file)]);
    expect({ exitCode, said: stderr.toString() }).toEqual({ exitCode: 0, said: "" });
  });
});

/** As `.Fl` has it. */
const flag = (name: string) => `Fl \\-${name}`;

test("the pages know every command, argument, option, variable and default", () => {
  for (const command of COMMANDS) {
    const page = command.name === "branch" ? branchPage() : cymePage();
    if (command.name !== "branch") expect(page).toContain(`.It Ic ${command.name}`);
    for (const { name, variable, default: fallback } of optionsOf(command)) {
      expect(page).toContain(flag(name));
      if (variable !== undefined) expect(page).toContain(`.It Ev ${variable}\n`);
      if (fallback !== undefined) expect(page).toContain(`.Ql ${fallback} .\n`);
    }
  }
});

describe("prose()", () => {
  test("begins a line with each sentence and ends the last one", () => {
    expect(prose("One is a.b. Two\nis (c). Three")).toBe("One is a.b.\nTwo is (c).\nThree.\n");
  });
  test("takes nothing for markup, and keeps what is to be typed", () => {
    expect(prose(".Nm is --no 'macro' \\fB")).toBe("\\&.Nm is \\-\\-no \\(aqmacro\\(aq \\efB.\n");
    expect(prose(`${"x".repeat(77)} .Nm`)).toEndWith("\n\\&.Nm.\n");
  });
  test("keeps indented lines as they are", () => {
    expect(prose("Typed:\n  one  two\n  three\nThen")).toBe(
      "Typed:\n.Bd -literal -offset indent\none  two\nthree\n.Ed\nThen.\n",
    );
  });
});

describe("the examples of the pages", () => {
  const literal = [cymePage(), branchPage()].flatMap((page) => page.match(/^cyme .*$/gm) ?? []);
  const lines = literal.map((line) => line.replaceAll("\\-", "-").replaceAll("\\(aq", "'").split(" | ")[0] ?? "");

  test("there are some", () => expect(lines.length).toBeGreaterThan(10));

  test.each(lines)("%s", (line) => {
    const scanned = scan(splitWords(line).slice(1));
    const { command, rest } = findCommand(scanned.words);
    bindOptions(command, scanned, {});
    bindArguments(command, rest);
  });
});
