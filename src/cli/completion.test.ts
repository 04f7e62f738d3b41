import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { completion } from "./completion.ts";
import { COMMANDS, optionsOf } from "./table.ts";

const FOLDER = join(import.meta.dir, "../../completions");

describe.each([
  ["bash", "cyme.bash"],
  ["zsh", "_cyme"],
  ["fish", "cyme.fish"],
])("the completions for %s", (shell, file) => {
  test(`are those in completions/${file}; else: dist/cyme completion ${shell} > completions/${file}`, async () => {
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

/** What bash offers for the last of the words. */
function offers(...words: string[]): string[] {
  const code = `${completion("bash")}\nCOMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _cyme; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = Bun.spawnSync(["bash", "-c", code, "bash", "cyme", ...words]);
  expect(stderr.toString()).toBe("");
  return stdout.toString().trim().split("\n");
}

describe("bash offers", () => {
  test("commands", () => expect(offers("queues.")).toEqual(["queues.add", "queues.get", "queues.delete"]));
  test("commands behind options with a value", () => {
    expect(offers("-a", "shop", "queues.d")).toEqual(["queues.delete"]);
  });
  test("the options of the command", () => {
    expect(offers("-a", "shop", "instances.add", "--max-c")).toEqual(["--max-concurrency"]);
    expect(offers("apps", "--ma")).toEqual([""]);
  });
  test("the options that all clients share, and none of them for branch", () => {
    expect(offers("apps", "--ur")).toEqual(["--url"]);
    expect(offers("branch", "--ur")).toEqual([""]);
  });
  test("the choices of an option", () => expect(offers("-F", "")).toEqual(["pretty", "json"]));
  test("shells", () => expect(offers("completion", "z")).toEqual(["zsh"]));
});
