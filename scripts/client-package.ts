/** Makes the TypeScript client a package of its own, for Bun and Node.js: what `npm pack` puts into a tarball. */
import { copyFile, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import packageJson from "../package.json";
import { bundleDeclarations } from "./declarations.ts";

const ENTRY = "src/client/index.ts";

/** Writes the package to `folder`, in place of what is there: index.js, index.d.ts, package.json, README.md and LICENSE. */
export async function buildClientPackage(root: string, folder: string): Promise<void> {
  await mkdir(dirname(folder), { recursive: true });
  const scratch = await mkdtemp(join(dirname(folder), ".client-"));
  try {
    const made = join(scratch, "package");
    await bundleCode(root, made);
    await writeFile(join(made, "index.d.ts"), await declarations(root, join(scratch, "declarations")));
    await writeFile(join(made, "package.json"), `${JSON.stringify(manifest(), null, 2)}\n`);
    await copyFile(join(root, "src/client/README.md"), join(made, "README.md"));
    await copyFile(join(root, "LICENSE"), join(made, "LICENSE"));
    await rm(folder, { recursive: true, force: true });
    await rename(made, folder);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function bundleCode(root: string, outdir: string): Promise<void> {
  await Bun.build({ entrypoints: [join(root, ENTRY)], outdir, target: "node", format: "esm", naming: "index.js" });
}

/** All types of the package in one text, as tsc derives them from the source. */
async function declarations(root: string, outDir: string): Promise<string> {
  await mkdir(outDir);
  const project = join(outDir, "tsconfig.json");
  const compilerOptions = {
    noEmit: false,
    declaration: true,
    emitDeclarationOnly: true,
    // Constructors that only the package calls.
    stripInternal: true,
    rootDir: join(root, "src"),
    outDir,
    typeRoots: [join(root, "node_modules/@types")],
  };
  const config = { extends: join(root, "tsconfig.json"), compilerOptions, include: [], files: [join(root, ENTRY)] };
  await writeFile(project, JSON.stringify(config));
  const tsc = Bun.spawn([process.execPath, join(root, "node_modules/typescript/bin/tsc"), "-p", project], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  const said = await new Response(tsc.stdout).text();
  if ((await tsc.exited) !== 0) throw new Error(`Cannot write the types of the client package: ${said}`);
  return bundleDeclarations(join(outDir, "client/index.d.ts"));
}

function manifest() {
  const { name, version, license } = packageJson;
  return {
    name,
    version,
    description: "Client of Cyme, the manager of clusters of Celery workers",
    license,
    type: "module",
    exports: { ".": { types: "./index.d.ts", default: "./index.js" } },
    types: "./index.d.ts",
    sideEffects: false,
    engines: packageJson.engines,
  };
}
