import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmod, mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BINARY, freePort, run, type Ran } from "../harness/branch.ts";
import { anyCelery } from "../harness/celery.ts";
import { alive } from "../harness/processes.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";
import { isRoot, makeRelease } from "./installing.ts";

/*
 * install.sh for the machine, with the real program, a real branch and a real worker. What it writes goes to overlays that only
 * its own processes see, so that this machine is not touched. systemd is a stand-in that starts and ends the branch; the real
 * one is tried by scripts/try-install.sh.
 */

/** Where it writes; /run for /run/systemd/system, by which it knows a systemd. */
const OVERLAID = ["/usr/local", "/etc", "/var/lib", "/run"];

/** Needs $folder. Then it stays until it is ended, for others to enter. */
const ISOLATE = `
mount -t tmpfs tmpfs "$folder/layers" || exit 1
for place in ${OVERLAID.join(" ")}; do
  mkdir -p "$folder/layers/upper$place" "$folder/layers/work$place" &&
  mount -t overlay overlay -o "lowerdir=$place,upperdir=$folder/layers/upper$place,workdir=$folder/layers/work$place" "$place" || exit 1
done
mkdir -p /run/systemd/system
echo ready
exec sleep infinity`;

/** As the unit has it: the branch alone is ended. */
const SYSTEMCTL = `#!/bin/sh
echo "$@" >>"$FOLDER/asked"
stop() { kill "$(cat "$FOLDER/branch")" && while [ -d "/proc/$(cat "$FOLDER/branch")" ]; do sleep 0.05; done; }
start() {
  set -a
  . /etc/cyme/branch.env
  setpriv --reuid=cyme --regid=cyme --clear-groups /usr/local/bin/cyme branch -D /var/lib/cyme >>"$FOLDER/log" 2>&1 &
  echo $! >"$FOLDER/branch"
}
case $1 in
enable) start ;;
try-restart) [ ! -f "$FOLDER/branch" ] || { stop && start; } ;;
stop) stop ;;
esac
`;

interface Machine extends AsyncDisposable {
  readonly folder: string;
  /** Runs a command there. */
  on(...argv: string[]): Promise<Ran>;
  install(...args: string[]): Promise<Ran>;
  /** What the stand-in for systemctl was asked since the last call. */
  asked(): Promise<string[]>;
  /** Paths that are not as they were, with those below folders that are new. */
  changed(): Promise<string[]>;
}

async function makeMachine(): Promise<Machine> {
  const folder = await mkdtemp(join(tmpdir(), "cyme-system-"));
  await chmod(folder, 0o755);
  for (const name of ["layers", "bin"]) await mkdir(join(folder, name));
  await writeFile(join(folder, "bin/systemctl"), SYSTEMCTL, { mode: 0o755 });
  await makeRelease(join(folder, "release"), BINARY);
  const child = Bun.spawn(["unshare", "--mount", "--propagation", "private", "sh", "-c", ISOLATE], {
    env: { ...process.env, folder },
    stdout: "pipe",
    stderr: "inherit",
  });
  const { value } = await child.stdout.getReader().read();
  if (value === undefined) throw new Error("No overlays can be mounted here");
  const env = { ...process.env, PATH: `/usr/local/bin:${join(folder, "bin")}:${process.env["PATH"]}`, FOLDER: folder };
  const on = (...argv: string[]) => run(["nsenter", "--target", String(child.pid), "--mount", "--", ...argv], env);
  const asked = join(folder, "asked");
  return {
    folder,
    on,
    install: (...args) => on("dash", join(folder, "release/install.sh"), ...args),
    async asked() {
      const lines = (await Bun.file(asked).text()).trimEnd().split("\n");
      await rm(asked);
      return lines;
    },
    async changed() {
      const upper = join(folder, "layers/upper");
      const { stdout } = await on("find", upper, "-mindepth", "1", "!", "-type", "d");
      return stdout
        .split("\n")
        .filter((path) => path !== "")
        .map((path) => path.slice(upper.length))
        .toSorted();
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

// Takes root, for namespaces, overlays and users.
describe.skipIf(!isRoot)("install.sh for the machine", () => {
  let machine: Machine;
  let vhost: Vhost;
  let port: number;

  beforeAll(async () => {
    [machine, vhost, port] = await Promise.all([makeMachine(), freshVhost(), freePort()]);
  }, 60_000);
  afterAll(async () => {
    await machine.on("sh", "-c", "kill -9 $(cat $FOLDER/branch /var/lib/cyme/*/worker.pid)");
    await machine[Symbol.asyncDispose]();
    await vhost.drop();
  }, 60_000);

  const cyme = async (...args: string[]) => {
    const { code, stdout, stderr } = await machine.on("cyme", "-u", `http://127.0.0.1:${port}`, "-F", "json", ...args);
    if (code !== 0) throw new Error(stderr);
    return JSON.parse(stdout) as Record<string, unknown>;
  };
  const isUp = () => cyme("branches");
  const branch = async () => Number((await machine.on("cat", join(machine.folder, "branch"))).stdout);
  const worker = async () => Number((await machine.on("cat", "/var/lib/cyme/web/worker.pid")).stdout);
  /** What a branch does not change as it runs. */
  const installed = async () => (await machine.changed()).filter((path) => !path.startsWith("/var/lib/"));
  const ownerAndMode = async (path: string) => (await machine.on("stat", "-c", "%U %a", path)).stdout.trim();

  test("puts program, units, configuration and a user there, and says what is next", async () => {
    const { code, stderr } = await machine.install();
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(await machine.changed()).toEqual(
      expect.arrayContaining([
        "/etc/cyme/branch.env",
        "/etc/logrotate.d/cyme",
        "/usr/local/bin/cyme",
        "/usr/local/bin/cyme-branch",
        "/usr/local/lib/systemd/system/cyme-branch.service",
        "/usr/local/lib/systemd/system/cyme-branch@.service",
      ]),
    );
    expect(await ownerAndMode("/etc/cyme/branch.env")).toBe("root 600");
    expect(await ownerAndMode("/var/lib/cyme")).toBe("cyme 700");
    expect(stderr).toEndWith(`Next:
  put the broker into /etc/cyme/branch.env
  systemctl enable --now cyme-branch
  cyme branches
`);
  });

  test("over a running branch starts the new one, while its worker goes on as the same process", async () => {
    const { command } = anyCelery();
    const options = `CYME_BROKER=${vhost.url}\nCYME_ADDRESS=127.0.0.1:${port}\nCYME_COMMAND="${command}"\n`;
    await machine.on("sh", "-c", `printf %s '${options}' >/etc/cyme/branch.env`);
    await machine.on("systemctl", "enable", "--now", "cyme-branch");
    await until(isUp, { what: "the branch", timeoutMs: 20_000 });
    await cyme("apps.add", "shop");
    await cyme("-a", "shop", "instances.add", "web");
    const [branchBefore, workerBefore] = [await branch(), await worker()];
    const { ino } = await stat(`/proc/${branchBefore}/exe`);
    await machine.asked();

    expect(await machine.install()).toMatchObject({ code: 0 });
    expect(await machine.asked()).toEqual([
      "daemon-reload",
      "cat cyme-branch.service",
      "try-restart cyme-branch.service cyme-branch@*.service",
    ]);
    await until(isUp, { what: "the branch", timeoutMs: 20_000 });
    const branchAfter = await branch();
    expect(branchAfter).not.toBe(branchBefore);
    expect((await stat(`/proc/${branchAfter}/exe`)).ino).not.toBe(ino);
    expect(await worker()).toBe(workerBefore);
    // Nobody can say how it is before it has answered the new branch.
    const web = async () => (await cyme("-a", "shop", "instances.get", "web")) as { state: string; pid: number };
    await until(async () => (await web()).state === "running", { what: "the worker to have answered" });
    expect((await web()).pid).toBe(workerBefore);
    // Configuration is not what an upgrade brings.
    expect((await machine.on("cat", "/etc/cyme/branch.env")).stdout).toBe(options);
  }, 60_000);

  test("with the program alone keeps the unit, and starts the new branch with it", async () => {
    const sum = new Bun.CryptoHasher("sha256").update(await Bun.file(BINARY).arrayBuffer()).digest("hex");
    const before = await installed();
    const pid = await branch();
    expect(await machine.install("--from", BINARY, "--sha256", sum)).toMatchObject({ code: 0 });
    expect(await installed()).toEqual(before);
    expect(await machine.asked()).toContain("try-restart cyme-branch.service cyme-branch@*.service");
    await until(isUp, { what: "the branch", timeoutMs: 20_000 });
    expect(await branch()).not.toBe(pid);
  }, 60_000);

  test("with another choice is refused, and neither stops nor removes anything", async () => {
    const before = await installed();
    for (const more of [[], ["--uninstall"]]) {
      expect(await machine.install("--prefix", "/usr/local", ...more)).toMatchObject({
        code: 1,
        stderr: "install.sh: what is in /usr/local was installed for the machine: leave the choice out\n",
      });
    }
    expect(await installed()).toEqual(before);
    expect(await isUp()).toBeDefined();
  }, 60_000);

  test("names branches that it cannot start again: those that systemd did not start", async () => {
    const byHand = `cd /tmp; cyme branch 127.0.0.1:0 -D $FOLDER/by-hand >$FOLDER/log2 2>&1 & echo $!`;
    const { stdout } = await machine.on("sh", "-c", byHand);
    const pid = stdout.trim();
    await until(async () => (await machine.on("cat", join(machine.folder, "by-hand/branch.pid"))).code === 0, {
      what: "its branch.pid",
    });
    const { stderr } = await machine.install();
    expect(stderr).toContain(
      `Still at work with the version before, until they are ended and started again (workers go on): ${pid}\n`,
    );
    process.kill(Number(pid));
    await until(() => !alive(Number(pid)), { what: "its end" });
    await until(isUp, { what: "the branch", timeoutMs: 20_000 });
  }, 60_000);

  test("says that a unit of the administrator hides its own", async () => {
    await machine.on("sh", "-c", "mkdir -p /etc/systemd/system && touch /etc/systemd/system/cyme-branch.service");
    const { stderr } = await machine.install();
    expect(stderr).toContain(
      "/etc/systemd/system/cyme-branch.service is used in place of /usr/local/lib/systemd/system/cyme-branch.service: remove it, or make it a drop-in, to have ours\n",
    );
    await machine.on("rm", "/etc/systemd/system/cyme-branch.service");
    await until(isUp, { what: "the branch", timeoutMs: 20_000 });
  }, 60_000);

  test("--uninstall --purge is refused while workers run, and removes nothing", async () => {
    const before = await machine.changed();
    const pid = await worker();
    const { code, stderr } = await machine.install("--uninstall", "--purge");
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `install.sh: workers run in /var/lib/cyme (pids ${pid}): stop them first, with /usr/local/bin/cyme -D /var/lib/cyme shutdown-all. Nothing was removed\n`,
    });
    expect(await machine.changed()).toEqual(before);
  });

  test("--uninstall ends the branch, leaves workers, configuration and stored data, and names them", async () => {
    const pid = await worker();
    const { code, stderr } = await machine.install("--uninstall");
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stderr).toContain(`Workers go on, without a branch: kill ${pid} ends them once their tasks have\n`);
    expect(stderr).toContain("Kept: /var/lib/cyme /etc/cyme /etc/logrotate.d/cyme: ");
    expect(alive(pid)).toBe(true);
    expect((await machine.changed()).filter((path) => path.startsWith("/usr/local"))).toEqual([]);
  });

  test("installed again it has its worker back; --uninstall --purge then leaves nothing of ours", async () => {
    const pid = await worker();
    await machine.install();
    await machine.on("systemctl", "enable", "--now", "cyme-branch");
    await until(isUp, { what: "the branch", timeoutMs: 20_000 });
    expect(await cyme("-a", "shop", "instances.get", "web")).toMatchObject({ pid });
    await cyme("shutdown-all", "-D", "/var/lib/cyme");
    const { code, stderr } = await machine.install("--uninstall", "--purge");
    expect({ code, stderr }).toMatchObject({ code: 0 });
    // The books of useradd and userdel, and their copies of what was before.
    const books = /^\/etc\/((passwd|group|shadow|gshadow|subuid|subgid)-?|\.pwd\.lock)$/;
    expect((await machine.changed()).filter((path) => !books.test(path))).toEqual([]);
    expect(await machine.on("getent", "passwd", "cyme")).toMatchObject({ code: 2, stdout: "" });
  }, 60_000);
});
