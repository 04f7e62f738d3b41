import { copyFile, lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { run, type Ran } from "../harness/branch.ts";

const ROOT = resolve(import.meta.dir, "../..");
export const INSTALL = join(ROOT, "install.sh");
/** What a release has besides the program. */
const CARRIED = ["install.sh", "completions", "man", "contrib"];
/** Of this machine, and small; it answers --version as Cyme does. */
export const PROGRAM = "/bin/true";
export const isRoot = process.getuid?.() === 0;
const NOBODY = 65534;

/** A folder with a home, a folder for stand-ins that come first on PATH, and a release that is unpacked. */
export interface Place extends AsyncDisposable {
  readonly folder: string;
  readonly home: string;
  readonly bin: string;
  readonly release: string;
  /** install.sh of the release, in dash; `DESTDIR`, `TMPDIR` and the like come by `env`. */
  install(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ran>;
  /** The same as an ordinary user. */
  installAsUser(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ran>;
}

export async function makePlace(program = PROGRAM): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), "cyme-install-"));
  const [home, bin, release, scratch] = ["home", "bin", "release", "scratch"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
    string,
  ];
  for (const made of [home, bin, scratch]) await mkdir(made);
  await makeRelease(release, program);
  if (isRoot) await run(["chown", "-R", `${NOBODY}:${NOBODY}`, folder], {});
  const environment = { PATH: `${bin}:${process.env["PATH"]}`, HOME: home, TMPDIR: scratch };
  const argv = (args: readonly string[]) => ["dash", join(release, "install.sh"), ...args];
  return {
    folder,
    home,
    bin,
    release,
    install: (args, env = {}) => run(argv(args), { ...environment, ...env }, folder),
    installAsUser: (args, env = {}) => run([...asNobody(), ...argv(args)], { ...environment, ...env }, folder),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Before a command, so that it runs as an ordinary user. */
function asNobody(): string[] {
  return isRoot ? ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"] : [];
}

/** An unpacked release with that program. */
export async function makeRelease(folder: string, program: string): Promise<void> {
  await mkdir(folder);
  const carried = CARRIED.map((name) => join(ROOT, name));
  const copied = await run(["cp", "-a", ...carried, folder], { PATH: process.env["PATH"] });
  if (copied.code !== 0) throw new Error(copied.stderr);
  await copyFile(program, join(folder, "cyme"));
}

/** A program `name` that is found before the machine's own. */
export async function standIn(place: Place, name: string, script: string): Promise<void> {
  await writeFile(join(place.bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

/** Each path below `folder`, sorted, with what makes two installations differ: kind and mode, and of a file its content. */
export async function tree(folder: string): Promise<string[]> {
  const found = (await readdir(folder, { recursive: true })).toSorted();
  return Promise.all(
    found.map(async (path) => {
      const full = join(folder, path);
      const { mode } = await lstat(full);
      const octal = mode.toString(8);
      if (octal.startsWith("12")) return `${path} -> ${await readlink(full)}`;
      if (octal.startsWith("4")) return `${path}/ ${octal}`;
      return `${path} ${octal} ${Bun.hash(await readFile(full)).toString(36)}`;
    }),
  );
}

/** Their paths alone. */
export async function paths(folder: string): Promise<string[]> {
  const all = await readdir(folder, { recursive: true, withFileTypes: true });
  return all
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .toSorted();
}
