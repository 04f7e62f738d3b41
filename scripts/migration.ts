/**
 * npm run migration -- <name>: after a change of src/store/schema.ts, writes what is missing as the next file of
 * src/store/migrations, and the list of these files that is compiled in.
 */
import { resolve } from "node:path";

const ROOT = resolve(import.meta.dir, "..");
const FOLDER = "src/store/migrations";
const INDEX = `${FOLDER}/index.ts`;

const [name, ...rest] = process.argv.slice(2);
if (name === undefined || rest.length > 0 || !/^[a-z0-9_]+$/.test(name)) {
  process.stderr.write("usage: npm run migration -- <name>, of a-z 0-9 _, such as add_users\n");
  process.exit(2);
}

/** Runs a program of node_modules/.bin to its end; throws where it fails. */
function run(program: string, ...args: string[]): void {
  const { exitCode } = Bun.spawnSync([resolve(ROOT, "node_modules/.bin", program), ...args], {
    cwd: ROOT,
    stdio: ["inherit", "inherit", "inherit"],
  });
  if (exitCode !== 0) throw new Error(`${program} ended with ${exitCode}`);
}

/** The text of index.ts. Migrations are named in the order of drizzle-kit's journal. */
function indexOf(tags: readonly string[]): string {
  const identifier = (tag: string) => `m${tag.slice(0, tag.indexOf("_"))}`;
  return [
    ...tags.map((tag) => `import ${identifier(tag)} from "./${tag}.sql" with { type: "text" };`),
    "",
    "/** In the order in which they are applied. A tag, once landed, is never renamed, nor is its SQL changed. */",
    "export const migrations: readonly { tag: string; sql: string }[] = [",
    ...tags.map((tag) => `  { tag: "${tag}", sql: ${identifier(tag)} },`),
    "];",
    "",
  ].join("\n");
}

run("drizzle-kit", "generate", "--dialect=sqlite", "--schema=src/store/schema.ts", `--out=${FOLDER}`, `--name=${name}`);
const journal = (await Bun.file(resolve(ROOT, FOLDER, "meta/_journal.json")).json()) as { entries: { tag: string }[] };
await Bun.write(resolve(ROOT, INDEX), indexOf(journal.entries.map(({ tag }) => tag)));
run("bun", "fmt", FOLDER);
