import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startBranch, type Branch } from "../harness/branch.ts";
import { anyCelery } from "../harness/celery.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { historyOf, must, pidOf, untilInstance } from "./work.ts";

/* Workers that run as another user than the branch, which takes a branch that runs as root. */

const LONG_MS = 60_000;
const IS_ROOT = process.geteuid?.() === 0;
/** On every Linux; it owns nothing. */
const USER = "nobody";
const [, , uid = "", gid = ""] = (/^nobody:.*$/m.exec(readFileSync("/etc/passwd", "utf8"))?.[0] ?? "").split(":");

let vhost: Vhost;
let home: string;
let branch: Branch;

beforeAll(async () => {
  vhost = await freshVhost();
  home = await mkdtemp(join(tmpdir(), "cyme-users-"));
  chmodSync(home, 0o711);
  branch = await startBranch({ broker: vhost.url, celery: anyCelery(), dir: join(home, "instances") });
  await must(branch, 201, "POST", "/shop/");
}, LONG_MS);

afterAll(async () => {
  await branch[Symbol.asyncDispose]();
  rmSync(home, { recursive: true });
  await vhost.drop();
}, LONG_MS);

const folder = (name: string) => join(branch.dir, name);
const ownerOf = (path: string) => String(lstatSync(path).uid);

/** A line of /proc/<pid>/status, without its name. */
const statusOf = (pid: number, line: string) =>
  new RegExp(`^${line}:\\s*(.*)$`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]?.trim();

describe.if(IS_ROOT)("a worker that runs as another user", () => {
  test(
    "has that user's rights alone, and its files are that user's",
    async () => {
      await must(branch, 201, "POST", "/shop/instances/web/", { user: USER });
      const pid = await pidOf(branch, "web");
      expect(statusOf(pid, "Uid")).toBe(Array(4).fill(uid).join("\t"));
      expect(statusOf(pid, "Gid")).toBe(Array(4).fill(gid).join("\t"));
      expect(statusOf(pid, "CapEff")).toBe("0000000000000000");
      const environment = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
      expect(environment).toContain(`USER=${USER}`);
      expect(environment).toContain(`LOGNAME=${USER}`);
      expect(environment).not.toContain("HOME=/root");
      const files = readdirSync(folder("web")).map((name) => join(folder("web"), name));
      expect([folder("web"), ...files].map(ownerOf)).toEqual(Array(files.length + 1).fill(uid));
      expect(lstatSync(folder("web")).mode & 0o777).toBe(0o700);
      // The rest stays closed.
      expect(lstatSync(branch.dir).mode & 0o777).toBe(0o711);
      expect(lstatSync(join(branch.dir, "branch.db")).mode & 0o777).toBe(0o600);
      expect(await must(branch, 200, "GET", "/shop/instances/web/stats/")).toMatchObject({ pid });
    },
    LONG_MS,
  );

  test(
    "is replaced after a death and by a rolling restart as the same user",
    async () => {
      process.kill(await pidOf(branch, "web"), "SIGKILL");
      const { pid } = await untilInstance(
        branch,
        "web",
        "back",
        (one) => one.state === "running" && one.restarts === 1,
      );
      expect(statusOf(pid ?? 0, "Uid")).toStartWith(uid);
      await must(branch, 200, "POST", "/shop/instances/web/restart/", { rolling: true });
      expect(statusOf(await pidOf(branch, "web"), "Uid")).toStartWith(uid);
      expect(ownerOf(folder("web~standin"))).toBe(uid);
    },
    LONG_MS,
  );

  test(
    "does not lead the branch to files that are not its own",
    async () => {
      const secret = join(home, "secret");
      writeFileSync(secret, "hush", { mode: 0o600 });
      const log = join(folder("web"), "worker.log");
      renameSync(log, `${log}.1`);
      symlinkSync(secret, log);
      expect((await branch.api<string>("GET", "/shop/instances/web/log/")).body).toBe("");
      const restart = await branch.api("POST", "/shop/instances/web/restart/");
      expect(restart.status).toBe(502);
      expect(readFileSync(secret, "utf8")).toBe("hush");
      expect(ownerOf(secret)).toBe("0");
      rmSync(log);
      await must(branch, 200, "POST", "/shop/instances/web/enable/");
    },
    LONG_MS,
  );

  test(
    "leaves nothing that is run when it is the branch's user again",
    async () => {
      await must(branch, 200, "POST", "/shop/instances/web/disable/");
      const ran = join(home, "ran");
      const planted = [join(folder("web"), "celeryconfig.py"), join(folder("web"), "worker.statedb")];
      for (const path of planted) {
        writeFileSync(path, `open(${JSON.stringify(ran)}, "w")`);
        chownSync(path, Number(uid), Number(gid));
      }
      await must(branch, 200, "PUT", "/shop/instances/web/", { user: null, is_enabled: true });
      expect(statusOf(await pidOf(branch, "web"), "Uid")).toStartWith("0\t");
      expect(ownerOf(folder("web"))).toBe("0");
      expect(existsSync(ran)).toBe(false);
      expect(readdirSync(folder(`web~uid${uid}`))).toContain("celeryconfig.py");
      expect((await historyOf(branch, "web"))[0]?.did).toBe("started");
      await must(branch, 200, "DELETE", "/shop/instances/web/");
      expect(readdirSync(branch.dir).filter((name) => name.startsWith("web"))).toEqual([]);
    },
    LONG_MS,
  );

  test("that nobody knows is 400", async () => {
    const { status, body } = await branch.api("POST", "/shop/instances/x/", { json: { user: "nobody-is-called-so" } });
    expect(status).toBe(400);
    expect(body).toMatchObject({ error: "invalid", parameter: "user" });
  });

  test(
    "that cannot pass to the files of its worker is told which folder is closed",
    async () => {
      chmodSync(home, 0o700);
      const { status, body } = await branch.api("POST", "/shop/instances/y/", { json: { user: USER } });
      chmodSync(home, 0o711);
      expect(status).toBe(502);
      expect(body).toMatchObject({ nok: expect.stringContaining("pass through every folder above it") });
    },
    LONG_MS,
  );
});
