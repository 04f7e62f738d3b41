import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { buildClientPackage } from "../../scripts/client-package.ts";
import { run, type Ran } from "../harness/branch.ts";

const ROOT = resolve(import.meta.dir, "../..");
const BUN = process.execPath;

/** The runtimes that the package is for, as commands. */
export const RUNTIMES = [
  ["Bun", BUN],
  ["Node.js", process.env["CYME_TEST_NODE"] ?? "node"],
] as const;

/** An empty project that has the package of the client, and nothing else. */
export interface Project extends AsyncDisposable {
  readonly folder: string;
  /** Writes a program, in TypeScript, and runs it; `runtime` is one of RUNTIMES. */
  run(runtime: string, name: string, source: string): Promise<Ran>;
  /** What the type checker says of a program; "" where it is content. `compilerOptions` are over those that are strict. */
  check(name: string, source: string, compilerOptions?: Record<string, unknown>): Promise<string>;
}

/** Builds the package, packs it and installs it from its tarball alone, as somebody without a network would. */
export async function installPackage(): Promise<Project> {
  const home = await mkdtemp(join(tmpdir(), "cyme-client-"));
  const [folder, built] = [join(home, "project"), join(home, "client")];
  await buildClientPackage(ROOT, built);
  await npm(["pack", "--pack-destination", home], built);
  const tarball = (await readdir(home)).find((name) => name.endsWith(".tgz")) ?? "";
  await Bun.write(join(folder, "package.json"), MANIFEST);
  await npm(["install", "--offline", "--no-audit", "--no-fund", join(home, tarball)], folder);
  return projectIn(home, folder);
}

/** The same without npm, which takes its time: the package is built where it would be installed. */
export async function placePackage(): Promise<Project> {
  const home = await mkdtemp(join(tmpdir(), "cyme-client-"));
  await Bun.write(join(home, "package.json"), MANIFEST);
  await buildClientPackage(ROOT, join(home, "node_modules/cyme"));
  return projectIn(home, home);
}

const MANIFEST = '{"name":"project","private":true,"type":"module"}';

const projectIn = (home: string, folder: string): Project => ({
  folder,
  async run(runtime, name, source) {
    const path = join(folder, `${name}.mjs`);
    // Not by Bun as it is: both are to run the same, and Node.js of Debian knows no types.
    await writeFile(path, new Bun.Transpiler({ loader: "ts", target: "node" }).transformSync(source));
    return run([runtime, path], { PATH: process.env["PATH"] }, folder);
  },
  async check(name, source, compilerOptions = {}) {
    const config = { compilerOptions: { ...STRICT, ...compilerOptions }, files: [`${name}.ts`] };
    await writeFile(join(folder, `${name}.ts`), source);
    await writeFile(join(folder, `${name}.json`), JSON.stringify(config));
    const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
    return (await run([BUN, tsc, "-p", `${name}.json`], { PATH: process.env["PATH"] }, folder)).stdout;
  },
  [Symbol.asyncDispose]: () => rm(home, { recursive: true, force: true }),
});

const STRICT = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  noEmit: true,
  target: "es2022",
  module: "nodenext",
  lib: ["es2022", "dom", "dom.iterable"],
  types: [],
};

async function npm(args: string[], cwd: string): Promise<void> {
  const { code, stderr } = await run(["npm", ...args], { ...process.env }, cwd);
  if (code !== 0) throw new Error(`npm ${args.join(" ")}: ${stderr}`);
}
