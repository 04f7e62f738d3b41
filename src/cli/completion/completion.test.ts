import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { completion } from "./completion.ts";
import { offerOf } from "./facts.ts";
import { COMMANDS, optionsOf } from "../table.ts";
import { runCyme } from "../test-run.ts";

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

test("an option is completed the same whichever command it is of", () => {
  const kinds = Map.groupBy(COMMANDS.flatMap(optionsOf), ({ name }) => name);
  for (const [name, options] of kinds) {
    const offers = new Set(options.map((option) => JSON.stringify([option.value === undefined, offerOf(option)])));
    expect({ name, offers: offers.size }).toEqual({ name, offers: 1 });
  }
});

describe("cyme completion", () => {
  test("prints the script, and nothing else into a pipe", async () => {
    expect(await runCyme(["completion", "zsh"])).toMatchObject({ code: 0, stdout: completion("zsh"), stderr: "" });
  });

  test("says on a terminal what to do with it", async () => {
    const { stdout, stderr } = await runCyme(["completion", "fish"], { isTTY: true });
    expect(stdout).toBe(completion("fish"));
    expect(stderr).toBe(
      "\nTo use it in this session, or from ~/.config/fish/config.fish in every one:\n  cyme completion fish | source\n",
    );
  });

  test("says of an unknown shell which there are", async () => {
    const { code, stderr } = await runCyme(["completion", "tcsh"]);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: 'error: Cannot use shell: wanted one of bash, zsh, fish, got "tcsh"\n',
    });
  });

  test("has the line for each shell in its help", async () => {
    const { stdout } = await runCyme(["help", "completion"]);
    for (const line of [
      'eval "$(cyme completion bash)"',
      "source <(cyme completion zsh)",
      "cyme completion fish | source",
    ])
      expect(stdout).toContain(`\n  ${line} `);
  });
});
