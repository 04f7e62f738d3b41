/** Builds dist/cyme, one compiled binary, and its link dist/cyme-branch. */
import { mkdir, mkdtemp, rename, rm, symlink } from "node:fs/promises";
import { join, resolve } from "node:path";
import packageJson from "../package.json";
import { buildPage } from "./page.ts";

const ROOT = resolve(import.meta.dir, "..");
const FOLDER = join(ROOT, "dist");

/** Compiles into `scratch` and gives the path of the binary. Splitting and bytecode together make client commands start fast. */
async function compile(scratch: string): Promise<string> {
  const outfile = join(scratch, "cyme");
  const page = join(scratch, "page");
  await buildPage(ROOT, page);
  await Bun.build({
    // The thread is loaded by its name: loop-watch.ts has it.
    entrypoints: [join(ROOT, "src/main.ts"), join(ROOT, "src/branch/loop-thread.ts")],
    format: "esm",
    splitting: true,
    minify: true,
    bytecode: true,
    sourcemap: "linked",
    // Without it Bun compiles "development" in.
    define: { "process.env.NODE_ENV": '"production"' },
    compile: {
      outfile,
      // Found again by page-assets.ts.
      assets: [page],
      // What lies in the working directory must not configure the daemon, nor BUN_OPTIONS load code into it.
      autoloadDotenv: false,
      autoloadBunfig: false,
      execArgv: ["--disallow-code-generation-from-strings=strict"],
    },
  });
  return outfile;
}

/** Makes `path` a link to `target`, whatever was there, without a moment in which there is none. */
async function link(target: string, path: string, scratch: string): Promise<void> {
  const made = join(scratch, "link");
  await symlink(target, made);
  await rename(made, path);
}

await mkdir(FOLDER, { recursive: true });
// Beside the result, so that the moves are renames; source maps stay in it and go with it.
const scratch = await mkdtemp(join(FOLDER, ".build-"));
try {
  const binary = await compile(scratch);
  await rename(binary, join(FOLDER, "cyme"));
  await link("cyme", join(FOLDER, "cyme-branch"), scratch);
} finally {
  await rm(scratch, { recursive: true, force: true });
}
process.stderr.write(`Built ${join(FOLDER, "cyme")} ${packageJson.version}\n`);
