/** Builds dist/cyme, one compiled binary, its link dist/cyme-branch, and dist/client, the package of the client. */
import { mkdir, mkdtemp, rename, rm, symlink } from "node:fs/promises";
import { join, resolve } from "node:path";
import packageJson from "../package.json";
import { buildClientPackage } from "./client-package.ts";
import { compile } from "./compile.ts";

const ROOT = resolve(import.meta.dir, "..");
const FOLDER = join(ROOT, "dist");

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
  await buildClientPackage(ROOT, join(FOLDER, "client"));
} finally {
  await rm(scratch, { recursive: true, force: true });
}
process.stderr.write(`Built ${join(FOLDER, "cyme")} ${packageJson.version}\n`);
