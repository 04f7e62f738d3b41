import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/* The configuration of logrotate in contrib/, tried with logrotate. */

const CONTRIB = resolve(import.meta.dir, "../../contrib");
const PATH = `${process.env["PATH"]}:/usr/sbin:/sbin`;
const has = (program: string) => Bun.which(program, { PATH }) !== null;

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "cyme-contrib-"));
});
afterAll(() => rm(home, { recursive: true, force: true }));

function run(...argv: string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(argv, { env: { ...process.env, PATH } });
  const said = stdout.toString() + stderr.toString();
  if (exitCode !== 0) throw new Error(`${argv.join(" ")} ended with ${exitCode}: ${said}`);
  return said;
}

// A program of its own, which need not be on the machine.
describe.skipIf(!has("logrotate"))("logrotate", () => {
  test("sets the log of a worker aside, which goes on writing to the one at its place", async () => {
    const folder = join(home, "web");
    const log = join(folder, "worker.log");
    await mkdir(folder, { mode: 0o700 });
    const [user, group] = ["-un", "-gn"].map((what) => run("id", what).trim());
    const config = readFileSync(join(CONTRIB, "logrotate/cyme"), "utf8")
      .replaceAll("/var/lib/cyme", home)
      .replace("su cyme cyme", `su ${user} ${group}`);
    const configFile = join(home, "logrotate.conf");
    await writeFile(configFile, config, { mode: 0o600 });
    const fd = openSync(log, "a", 0o600);
    writeSync(fd, "before\n");
    run("logrotate", "--state", join(home, "state"), "--force", configFile);
    writeSync(fd, "after\n");
    closeSync(fd);
    expect((await readdir(folder)).toSorted()).toEqual(["worker.log", "worker.log.1"]);
    expect([readFileSync(`${log}.1`, "utf8"), readFileSync(log, "utf8")]).toEqual(["before\n", "after\n"]);
  });
});
