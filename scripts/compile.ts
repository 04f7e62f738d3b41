/** Compiles Cyme: the one binary, with the page and all else that it carries in it. */
import { join, resolve } from "node:path";
import { buildPage } from "./page.ts";

const ROOT = resolve(import.meta.dir, "..");

/**
 * Compiles into the folder `scratch` and gives the path of the binary. Without `target` (`bun-linux-arm64`) it is for this
 * machine; what is for another one takes the registry, where Bun is fetched. Splitting and bytecode together make client
 * commands start fast.
 */
export async function compile(scratch: string, target?: Bun.Build.CompileTarget): Promise<string> {
  const outfile = join(scratch, "cyme");
  const page = join(scratch, "page");
  const shell = join(scratch, "shell");
  await buildPage(ROOT, page);
  // In one file, since it goes through a pipe into the process that runs it (src/cli/shell-process.ts).
  await Bun.build({ entrypoints: [join(ROOT, "src/shell/main.ts")], target: "bun", minify: true, outdir: shell });
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
      ...(target && { target }),
      // Found again by page-assets.ts and shell-process.ts.
      assets: [page, shell],
      // What lies in the working directory must not configure the daemon, nor BUN_OPTIONS load code into it.
      autoloadDotenv: false,
      autoloadBunfig: false,
      execArgv: ["--disallow-code-generation-from-strings=strict"],
    },
  });
  return outfile;
}
