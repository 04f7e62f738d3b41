/** Writes what is made of the table of commands: completions/ and man/. Run it after a change of a command or an option. */
import { join } from "node:path";
import { completion } from "../src/cli/completion/completion.ts";
import { branchPage, cymePage } from "../src/cli/man/pages.ts";

const ROOT = join(import.meta.dir, "..");

const FILES = {
  "completions/cyme.bash": completion("bash"),
  "completions/_cyme": completion("zsh"),
  "completions/cyme.fish": completion("fish"),
  "man/cyme.1": cymePage(),
  "man/cyme-branch.1": branchPage(),
};

await Promise.all(Object.entries(FILES).map(([path, text]) => Bun.write(join(ROOT, path), text)));
process.stderr.write(`Wrote ${Object.keys(FILES).join(", ")}\n`);
