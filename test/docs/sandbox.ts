import { existsSync, readdirSync, readFileSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { BINARY, freePort } from "../harness/branch.ts";
import { anyCelery } from "../harness/celery.ts";
import { freshVhost } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";
import type { Places } from "./places.ts";
import { startShell, type Shell } from "./shell.ts";
import { standInInstall } from "./stand-in-install.ts";

const ROOT = resolve(import.meta.dir, "../..");
const STAND_INS = resolve(import.meta.dir, "stand-ins");
/** Ports that documents use, beside 5672, the broker's. */
const PORTS = [8000, 8001, 8002, 8080];
const RELEASE = ["completions", "contrib", "docs", "examples", "man", "scripts", "LICENSE", "README.md"];

/** A machine for one document: a shell in a home of its own, Cyme, Celery and a broker; and stand-ins for what a test must not touch. */
export interface Sandbox extends AsyncDisposable {
  readonly places: Places;
  readonly shell: Shell;
}

/** Cyme, as it is unpacked, is at /srv/cyme there, where the shell begins; the home is /srv/home. */
export async function openSandbox(): Promise<Sandbox> {
  const vhost = await freshVhost();
  const root = await realpath(await mkdtemp(join(tmpdir(), "cyme-docs-")));
  const [bin, home, scratch] = [join(root, "srv/bin"), join(root, "srv/home"), join(root, "scratch")];
  for (const folder of [bin, home, scratch, join(root, "srv/cyme"), join(root, "backup"), join(root, "etc/cyme")]) {
    await mkdir(folder, { recursive: true });
  }
  await unpackRelease(join(root, "srv/cyme"));
  const [first = 0, second = 0, third = 0, web = 0] = await Promise.all(PORTS.map(() => freePort()));
  const server = importServer(web);
  const places = {
    root,
    ports: { 8000: first, 8001: second, 8002: third, 8080: web },
    broker: vhost.url,
    hostname: hostname(),
  };
  await programs(bin, first);
  // As at a terminal, where curl shows no progress beside an answer.
  await writeFile(join(home, ".curlrc"), "silent\nshow-error\n");
  const env = {
    ...inherited(),
    HOME: home,
    PATH: `${bin}:${process.env["PATH"] ?? ""}`,
    CYME_BROKER: vhost.url,
    CYME_URL: `http://127.0.0.1:${first}`,
    LANG: "C.UTF-8",
    TZ: "UTC",
    C_FORCE_ROOT: "1",
    PYTHONDONTWRITEBYTECODE: "1",
  };
  const shell = startShell({ scratch, cwd: join(root, "srv/cyme"), env });
  return {
    places,
    shell,
    async [Symbol.asyncDispose]() {
      await shell[Symbol.asyncDispose]();
      await until(() => killAll(livingIn(home)), { what: `the processes of ${home} to end` });
      await server.stop(true);
      await rm(root, { recursive: true, force: true });
      await vhost.drop();
    },
  };
}

/** What lies in an unpacked release. install.sh is a stand-in. */
async function unpackRelease(folder: string): Promise<void> {
  for (const name of RELEASE) if (existsSync(join(ROOT, name))) await symlink(join(ROOT, name), join(folder, name));
  await symlink(BINARY, join(folder, "cyme"));
  const real = join(folder, ".install.sh");
  await symlink(join(ROOT, "install.sh"), real);
  await writeFile(join(folder, "install.sh"), standInInstall(real), { mode: 0o755 });
}

/** Without what would steer Cyme, Celery or curl. */
function inherited(): Record<string, string> {
  const own = Object.entries(process.env).filter(
    ([name]) => !/^(CYME_|CELERY_|XDG_|BUN_|NO_COLOR|COLUMNS)|proxy$/i.test(name),
  );
  return Object.fromEntries(own.map(([name, value]) => [name, value ?? ""]));
}

/** What lies before all else on the PATH. */
async function programs(bin: string, port: number): Promise<void> {
  const { python } = anyCelery();
  const scripts: Record<string, string> = {
    // The default address is one that another test may use.
    cyme: `case " $* " in (*:[0-9][0-9]*" "*) ;; (" branch "*|*" branch "*) set -- "$@" 127.0.0.1:${port} ;; esac\nexec '${BINARY}' "$@"`,
    python3: `exec '${python}' "$@"`,
    celery: `exec '${python}' -m celery "$@"`,
  };
  for (const [name, text] of Object.entries(scripts)) await writeFile(join(bin, name), `#!/bin/sh\n${text}\n`);
  for (const name of Object.keys(scripts)) await chmod(join(bin, name), 0o755);
  for (const name of await readdir(STAND_INS)) await symlink(join(STAND_INS, name), join(bin, name));
}

/** The web server of the documents, whose work is to import people. */
function importServer(port: number): Bun.Server<undefined> {
  return Bun.serve({
    port,
    hostname: "127.0.0.1",
    development: false,
    reusePort: false,
    async fetch(request) {
      const form = new URLSearchParams(await request.text());
      const who = form.get("username");
      return new Response(who === null ? "Imported\n" : `Imported ${who} of ${form.get("company")}\n`);
    },
  });
}

/** Processes that were started with this HOME, whatever they did since. */
function livingIn(home: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && existsSync(`/proc/${name}/exe`))
    .filter((name) => environment(name).includes(`HOME=${home}`))
    .map(Number);
}

function environment(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
  } catch {
    return []; // It ended while we looked, or is another user's.
  }
}

/** Kills them and tells whether there were none. */
function killAll(pids: readonly number[]): boolean {
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It ended by itself.
    }
  }
  return pids.length === 0;
}
