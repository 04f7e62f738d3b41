import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { completion } from "./completion.ts";
import { COMMANDS, optionsOf } from "../table.ts";

const FOLDER = join(import.meta.dir, "../../../completions");

describe.each([
  ["bash", "cyme.bash"],
  ["zsh", "_cyme"],
  ["fish", "cyme.fish"],
])("the completions for %s", (shell, file) => {
  test(`are those in completions/${file}; else: bun scripts/generate.ts`, async () => {
    expect(await Bun.file(join(FOLDER, file)).text()).toBe(completion(shell));
  });

  test("know every command and every option", () => {
    const script = completion(shell);
    for (const command of COMMANDS) {
      expect(script).toContain(command.name);
      for (const { name } of optionsOf(command))
        expect(script).toContain(shell === "fish" ? `-l ${name}` : `--${name}`);
    }
  });
});
