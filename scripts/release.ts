/**
 * Builds what is published, into dist/release: a tarball for each kind of machine, the client's package, and SHA256SUMS.
 * The same sources give the same bytes. What is for another kind of machine than this one takes the registry, where its Bun is
 * fetched once; where it cannot be had all fails, and dist/release stays as it was.
 */
import { cp, mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import packageJson from "../package.json";
import { buildClientPackage } from "./client-package.ts";
import { compile } from "./compile.ts";

const ROOT = resolve(import.meta.dir, "..");
const RELEASE = join(ROOT, "dist/release");
const { version } = packageJson;

/** What goes into each tarball besides the program, as it lies in the repository. */
const CARRIED = [
  "install.sh",
  "completions",
  "man",
  "contrib",
  "examples",
  "docs",
  "README.md",
  "CHANGELOG.md",
  "CONTRIBUTING.md",
  "LICENSE",
];
/** Not what Python left beside the examples. */
const filter = (path: string) => !path.endsWith("__pycache__");
/** Kinds of machines, by what is said of them in names of files, to Bun and in the header of a program (elf(5), e_machine). */
const KINDS = [
  { kind: "x64", target: "bun-linux-x64", machine: 0x3e },
  { kind: "arm64", target: "bun-linux-arm64", machine: 0xb7 },
] as const;
type Kind = (typeof KINDS)[number];

const ELF_MAGIC = "7f454c46";
const MACHINE_AT = 18;
/** The moment that npm gives to the files of its packages, so that all of a release is of one time. */
const MTIME = "1985-10-26T08:15:00Z";

function say(words: string): void {
  process.stderr.write(`release: ${words}\n`);
}

/** Runs a program that ends by itself; gives its standard output. Throws with its words where it fails. */
async function run(argv: readonly string[], cwd: string): Promise<string> {
  const child = Bun.spawn([...argv], { cwd, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [out, errors, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code !== 0) throw new Error(`${argv.join(" ")} ended with ${code}: ${errors || out}`);
  return out;
}

/** Fails where `binary` is not for `kind`, or, where it is for this machine, is not of this version. */
async function check(binary: string, { kind, machine }: Kind): Promise<void> {
  const header = Buffer.from(
    await Bun.file(binary)
      .slice(0, MACHINE_AT + 2)
      .arrayBuffer(),
  );
  if (header.toString("hex", 0, 4) !== ELF_MAGIC || header.readUInt16LE(MACHINE_AT) !== machine) {
    throw new Error(`The program that was built for linux-${kind} is for something else`);
  }
  if (kind !== process.arch) return;
  const said = (await run([binary, "--version"], ROOT)).trim();
  if (said !== `cyme ${version}`) throw new Error(`Wanted is cyme ${version}, the program says ${said}`);
}

/** `<folder>/cyme` for that kind of machine. */
async function build(kind: Kind, folder: string): Promise<string> {
  const binary = await compile(folder, kind.target).catch((error: unknown) => {
    throw new Error(`Cannot build for linux-${kind.kind}, which takes its Bun from the npm registry: is it reached?`, {
      cause: error,
    });
  });
  await check(binary, kind);
  return binary;
}

/** Writes `<into>/cyme-<version>-linux-<kind>.tar.gz`, which holds one folder of that name. */
async function tarball(kind: Kind, scratch: string, into: string): Promise<void> {
  const name = `cyme-${version}-linux-${kind.kind}`;
  const folder = join(scratch, name);
  await mkdir(folder);
  const binary = await build(kind, await mkdtemp(join(scratch, "compile-")));
  await rename(binary, join(folder, "cyme"));
  for (const carried of CARRIED) await cp(join(ROOT, carried), join(folder, carried), { recursive: true, filter });
  const file = join(into, `${name}.tar`);
  // Nothing of this machine, nor of this moment: order, owner, modes and times are the same everywhere.
  const same = ["--sort=name", "--format=ustar", "--owner=0", "--group=0", "--numeric-owner", `--mtime=${MTIME}`];
  await run(["tar", "--create", ...same, "--mode=go=rX,u+rw,a-s", "--file", file, name], scratch);
  await run(["gzip", "--best", "--no-name", file], into);
  say(`${name}.tar.gz`);
}

/** Writes `<into>/cyme-client-<version>.tgz`, as npm installs it. */
async function clientPackage(scratch: string, into: string): Promise<void> {
  const folder = join(scratch, "client");
  await buildClientPackage(ROOT, folder);
  // npm keeps modes, which are those of the umask here.
  await run(["chmod", "-R", "go=rX,u+rw", folder], scratch);
  const packed = (await run(["npm", "pack", "--silent", "--pack-destination", scratch], folder)).trim();
  const file = `cyme-client-${version}.tgz`;
  await rename(join(scratch, packed), join(into, file));
  say(file);
}

/** As `sha256sum` writes it, so that `sha256sum --check` reads it. */
async function writeSums(folder: string): Promise<void> {
  const files = (await readdir(folder)).toSorted();
  const lines = await Promise.all(
    files.map(async (file) => {
      const hash = new Bun.CryptoHasher("sha256");
      for await (const chunk of Bun.file(join(folder, file)).stream()) hash.update(chunk);
      return `${hash.digest("hex")}  ${file}\n`;
    }),
  );
  await Bun.write(join(folder, "SHA256SUMS"), lines.join(""));
}

/** With all that led to it: a bundler's error holds what it found in a list. */
function described(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const inner = error instanceof AggregateError ? error.errors : error.cause === undefined ? [] : [error.cause];
  return [error.message, ...inner.map(described)].join(": ");
}

await mkdir(join(ROOT, "dist"), { recursive: true });
// Beside the result, so that the move is a rename.
const scratch = await mkdtemp(join(ROOT, "dist/.release-"));
try {
  const made = join(scratch, "release");
  await mkdir(made);
  for (const kind of KINDS) await tarball(kind, scratch, made);
  await clientPackage(scratch, made);
  await writeSums(made);
  await rm(RELEASE, { recursive: true, force: true });
  await rename(made, RELEASE);
  say(`all is in ${RELEASE}`);
} catch (error) {
  say(described(error));
  process.exitCode = 1;
} finally {
  await rm(scratch, { recursive: true, force: true });
}
