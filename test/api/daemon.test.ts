import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { version } from "../../package.json";
import { BINARY, run, startBranch, type Branch, type Ran } from "../harness/branch.ts";
import { anyCelery } from "../harness/celery.ts";
import { alive, session } from "../harness/processes.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";

/* `cyme branch` as a program: how it starts and stops, what it leaves on the disk, what it refuses. */

let vhost: Vhost;
/** With a worker, "web" of app "shop". */
let branch: Branch;
let home: string;

beforeAll(async () => {
  vhost = await freshVhost();
  home = await mkdtemp(join(tmpdir(), "cyme-daemon-"));
  branch = await startBranch({ broker: vhost.url });
  await branch.api("PUT", "/shop/", { json: { stop_timeout: 1 } });
  await branch.api("PUT", "/shop/instances/web/", { json: { pool: "solo" } });
}, 60_000);

afterAll(async () => {
  await branch[Symbol.asyncDispose]();
  await rm(home, { recursive: true, force: true });
  await vhost.drop();
}, 60_000);

let made = 0;
const freshDir = () => join(home, `dir${++made}`);

/** Runs `cyme branch` with these arguments; for those that end by themselves. */
function branchCommand(args: string[], env: Record<string, string> = {}): Promise<Ran> {
  return run([BINARY, "branch", ...args], { ...process.env, CYME_BROKER: vhost.url, ...env }, home);
}

interface Daemon extends AsyncDisposable {
  readonly pid: number;
  /** What it has written to standard error. */
  said(): string;
  /** TERM, and its exit code. */
  stop(): Promise<number>;
}

/** Starts `cyme branch` and waits until it has said its banner; for daemons without the harness's defaults. */
async function daemon(args: string[], env: Record<string, string> = {}): Promise<Daemon> {
  const child = Bun.spawn([BINARY, "branch", "--command", anyCelery().command, ...args], {
    cwd: home,
    env: { ...process.env, CYME_BROKER: vhost.url, ...env },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  let text = "";
  const reading = (async () => {
    const decoder = new TextDecoder();
    for await (const bytes of child.stderr) text += decoder.decode(bytes, { stream: true });
  })();
  const stop = async () => {
    child.kill("SIGTERM");
    const code = await child.exited;
    await reading;
    return code;
  };
  await until(() => /instance dir:.*\n/.test(text) || child.exitCode !== null, {
    what: "the banner",
    timeoutMs: 20_000,
  });
  return {
    pid: child.pid,
    said: () => text,
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
    },
  };
}

const overSocket = async (dir: string, path: string) => {
  const answer = await fetch(`http://localhost${path}`, { unix: join(dir, "branch.sock") });
  return { status: answer.status, body: await answer.json() };
};

const urlIn = (banner: string) => /url: +(\S+)/.exec(banner)?.[1] ?? "";

test("health names each component with its state and since when, and is degraded while a broker is away", async () => {
  type Health = { state: string; brokers: Record<string, object> } & Record<string, object>;
  const health = async () => (await branch.api<Health>("GET", "/health/")).body;
  const since = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  const own = `amqp://127.0.0.1:${new URL(vhost.url).port}/${vhost.vhost}`;
  expect(await health()).toMatchObject({
    state: "ok",
    store: { state: "ok", since },
    bus: { state: expect.any(String), since },
    supervisor: { state: "ok", since },
    http: { state: "ok", since },
    brokers: { [own]: { state: "up", since } },
  });
  await branch.api("PUT", "/lost/", { json: { broker: "amqp://u:s3cret@127.0.0.1:1//" } });
  await branch.api("PUT", "/lost/instances/adrift/", { json: { is_enabled: false, pool: "solo" } });
  await until(async () => (await health()).state === "degraded", { what: "a degraded health" });
  const { status, body } = await branch.api<Health>("GET", "/health/");
  expect([status, body.brokers["amqp://127.0.0.1:1//"]]).toEqual([
    200,
    expect.objectContaining({ state: "away", since }),
  ]);
  expect(JSON.stringify(body)).not.toContain("s3cret");
  await branch.api("DELETE", "/lost/");
  await until(async () => (await health()).state === "ok", { what: "a good health again", timeoutMs: 20_000 });
});

test("files and folders are the user's alone", async () => {
  await branch.api("POST", "/shop/instances/web/restart/"); // Celery may write worker.statedb only when it stops.
  const entries = await readdir(branch.dir, { recursive: true });
  expect(entries).toEqual(
    expect.arrayContaining([
      "branch.db",
      "branch.pid",
      "branch.sock",
      "branch.python",
      "web",
      "web/worker.pid",
      "web/worker.log",
    ]),
  );
  expect(entries.filter((name) => name.startsWith("web/worker.statedb"))).not.toEqual([]);
  for (const entry of [".", ...entries]) {
    // Python keeps what it compiled beside the module, under its own mask, in a folder that is closed.
    if (entry.includes("__pycache__")) continue;
    const found = await stat(join(branch.dir, entry));
    const wanted = found.isDirectory() ? 0o700 : 0o600;
    expect([entry, (found.mode & 0o777).toString(8)]).toEqual([entry, wanted.toString(8)]);
  }
});

describe("a branch that is shut down", () => {
  test("by DELETE answers 202, ends with 0 and leaves its workers, which it takes over when it starts again", async () => {
    const [worker] = (await branch.workers()).map(({ pid }) => pid);
    const { pid } = branch;
    const { status, body } = await branch.api("DELETE", `/branches/${branch.id}/`);
    expect([status, body]).toEqual([202, { ok: "operation scheduled" }]);
    await until(() => !alive(pid), { what: "the daemon to end" });
    expect(await branch.stop()).toBe(0);
    expect(existsSync(join(branch.dir, "branch.pid"))).toBe(false);
    expect(existsSync(join(branch.dir, "branch.sock"))).toBe(false);
    expect((await branch.workers()).map((one) => one.pid)).toEqual([worker as number]);
    await branch.restart();
    const web = () => branch.api<{ pid: number; state: string }>("GET", "/shop/instances/web/");
    await until(async () => (await web()).body.state === "running", { what: "the worker to be known again" });
    expect((await web()).body.pid).toBe(worker as number);
  });

  test.each(["SIGTERM", "SIGINT"] as const)("by %s ends with 0 and leaves its workers", async (signal) => {
    const before = (await branch.workers()).map(({ pid }) => pid);
    expect(await branch.stop(signal)).toBe(0);
    expect((await branch.workers()).map(({ pid }) => pid)).toEqual(before);
    await branch.restart();
  });

  test("answers who still waits that it goes on when it starts again, and does not wait itself", async () => {
    const silent = { command: "sh -c 'sleep 1000' --", stop_timeout: 0 };
    const waiting = branch.api("PUT", "/shop/instances/silent/", { json: silent });
    const running = async () => (await branch.workers()).some(({ command }) => command === "sleep 1000");
    await until(running, { what: "the command to run" });
    const sinceMs = Date.now();
    expect(await branch.stop()).toBe(0);
    expect(Date.now() - sinceMs).toBeLessThan(8000);
    const { status, headers, body } = await waiting;
    expect([status, body]).toEqual([503, expect.objectContaining({ error: "unavailable", stored: true })]);
    expect(headers.get("retry-after")).toMatch(/^\d+$/);
    await branch.restart();
    expect((await branch.api("GET", "/shop/instances/silent/")).body).toMatchObject({ is_enabled: true });
    expect((await branch.api("DELETE", "/shop/instances/silent/")).status).toBe(200);
  });
});

describe("an instance directory", () => {
  test("has one daemon: a second one is refused", async () => {
    const { code, stderr } = await branchCommand(["0", "-D", branch.dir]);
    expect([code, stderr]).toEqual([3, expect.stringContaining(`runs on ${branch.dir} already (pid ${branch.pid})`)]);
    expect((await branch.api("GET", "/ping/")).status).toBe(200);
    expect(await readFile(join(branch.dir, "branch.pid"), "utf8")).toBe(`${branch.pid}\n`);
  });

  test("with a stale branch.pid and branch.sock is no hindrance, whoever has that number now", async () => {
    await branch.stop("SIGKILL");
    expect(existsSync(join(branch.dir, "branch.sock"))).toBe(true);
    await writeFile(join(branch.dir, "branch.pid"), `${process.pid}\n`);
    await branch.restart();
    expect(await readFile(join(branch.dir, "branch.pid"), "utf8")).toBe(`${branch.pid}\n`);
  });

  test("keeps the id that was generated once", async () => {
    const dir = freshDir();
    const ids: string[] = [];
    for (const port of ["0", "0"]) {
      await using running = await daemon([port, "-D", dir]);
      const [, id = ""] = /^cyme branch (\S+) v/m.exec(running.said()) ?? [];
      ids.push(id);
      expect((await overSocket(dir, "/branches/")).body).toContain(id);
      expect(running.said()).toContain(`cyme branch ${ids[0]} v${version}\n`);
    }
    expect(ids[0]).toMatch(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/);
    expect(ids[1]).toBe(ids[0] as string);
  });

  test("that is a file is refused", async () => {
    const dir = freshDir();
    await writeFile(dir, "");
    const { code, stderr } = await branchCommand(["0", "-D", dir]);
    expect([code, stderr]).toEqual([2, expect.stringContaining(`Cannot use ${dir} as the instance directory`)]);
  });

  test("with a damaged database is refused, in words and without a stack", async () => {
    const dir = freshDir();
    await using running = await daemon(["0", "-D", dir]);
    await running.stop();
    await writeFile(join(dir, "branch.db"), "no database at all ".repeat(300));
    const { code, stderr } = await branchCommand(["0", "-D", dir]);
    expect(code).toBe(4);
    expect(stderr).toContain(join(dir, "branch.db"));
    expect(stderr).not.toMatch(/^ +at /m);
  });
});

describe("the address", () => {
  test("that another program has is refused", async () => {
    const { port } = new URL(branch.url);
    const { code, stderr } = await branchCommand([port, "-D", freshDir()]);
    expect(code).toBe(4);
    expect(stderr).toContain(`Cannot listen on 127.0.0.1:${port}: another program listens there already`);
  });

  test.each(["0.0.0.0:0", "[::]:0", "10.1.2.3:0"])(
    "%s beyond this machine is refused without --insecure",
    async (address) => {
      const { code, stderr } = await branchCommand([address, "-D", freshDir()]);
      expect([code, stderr]).toEqual([2, expect.stringContaining("--insecure")]);
    },
  );

  test("beyond this machine is served with --insecure", async () => {
    await using running = await daemon(["0.0.0.0:0", "-D", freshDir(), "--insecure", "-i", "open"]);
    const { port } = new URL(urlIn(running.said()));
    const answer = await fetch(`http://127.0.0.1:${port}/branches/`);
    expect(await answer.json()).toContain("open");
  });

  test("is none with --without-httpd: the socket still answers", async () => {
    const dir = freshDir();
    await using running = await daemon(["-D", dir, "--without-httpd", "-i", "mute"]);
    expect(running.said()).toContain("url:           none (--without-httpd)");
    expect(await overSocket(dir, "/ping/")).toEqual({ status: 200, body: { ok: "pong" } });
    const { body } = await overSocket(dir, "/branches/mute/");
    expect(body).toMatchObject({ id: "mute", url: null, port: null });
  });

  test("may be called by another name with --allowed-host, and from the site of --cors-origin", async () => {
    const site = "https://ops.example";
    await using running = await daemon([
      "0",
      "-D",
      freshDir(),
      "--allowed-host",
      "Cyme.Example",
      "--cors-origin",
      site,
    ]);
    const url = `${urlIn(running.said())}/ping/`;
    const ask = (headers: Record<string, string>) => fetch(url, { headers });
    expect((await ask({ Host: "cyme.example:80" })).status).toBe(200);
    expect((await ask({ Host: "other.example" })).status).toBe(403);
    const allowed = await ask({ Origin: site, "Sec-Fetch-Site": "cross-site" });
    expect([allowed.status, allowed.headers.get("access-control-allow-origin")]).toEqual([200, site]);
    expect((await ask({ Origin: "https://evil.example", "Sec-Fetch-Site": "cross-site" })).status).toBe(403);
  });
});

describe("the options of a branch", () => {
  test("are told by the banner and the API, without the password", async () => {
    const dir = freshDir();
    const logfile = join(home, "own.log");
    const options = ["-i", "b7", "-D", dir, "-C", "3", "--sup-interval", "2.5", "-l", "warning", "-f", logfile];
    await using running = await daemon(["127.0.0.1:0", ...options]);
    const url = urlIn(running.said());
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(running.said()).toBe(
      [
        `cyme branch b7 v${version}`,
        `  url:           ${url}`,
        `  page:          ${url}/admin/`,
        `  broker:        amqp://127.0.0.1:${new URL(vhost.url).port}/${vhost.vhost}`,
        `  logfile:       ${logfile}`,
        "  sup. interval: 2.5 s",
        "  controllers:   3",
        `  instance dir:  ${dir}`,
        "",
      ].join("\n"),
    );
    expect(await (await fetch(`${url}/branches/b7/`)).json()).toMatchObject({
      id: "b7",
      url,
      port: Number(new URL(url).port),
      version,
      loglevel: "WARNING",
      logfile,
      numc: 3,
      sup_interval: 2.5,
    });
  });

  test("may come from variables, and a flag wins over its variable", async () => {
    const dir = freshDir();
    const variables = {
      CYME_ID: "env",
      CYME_INSTANCE_DIR: dir,
      CYME_NUMC: "4",
      CYME_SUP_INTERVAL: "7",
      CYME_LOGLEVEL: "ERROR",
    };
    await using running = await daemon(["0", "--sup-interval", "8"], variables);
    expect(running.said()).toContain("cyme branch env ");
    expect((await overSocket(dir, "/branches/env/")).body).toMatchObject({
      numc: 4,
      sup_interval: 8,
      loglevel: "ERROR",
    });
  });

  test("that are wrong are refused by name, before anything is made", async () => {
    const dir = freshDir();
    const wrong: [args: string[], env: Record<string, string>, words: string][] = [
      [["0", "--sup-interval", "soon"], {}, "--sup-interval"],
      [["0"], { CYME_NUMC: "none" }, "CYME_NUMC"],
      [["0"], { CYME_BROKER: "http://u:s3cret@h/" }, "CYME_BROKER"],
      [["99999"], {}, "address"],
      [["0", "--colour"], {}, "--colour"],
    ];
    for (const [args, env, words] of wrong) {
      const { code, stdout, stderr } = await branchCommand([...args, "-D", dir], env);
      expect([code, stdout, stderr]).toEqual([2, "", expect.stringContaining(words)]);
      expect(stderr).not.toContain("s3cret");
    }
    expect(existsSync(dir)).toBe(false);
  });

  test("--pidfile holds the process id while it runs", async () => {
    const pidfile = join(home, "cyme.pid");
    const dir = freshDir();
    await using running = await daemon(["0", "-D", dir, "--pidfile", pidfile]);
    expect(await readFile(pidfile, "utf8")).toBe(`${running.pid}\n`);
    expect(await readFile(join(dir, "branch.pid"), "utf8")).toBe(`${running.pid}\n`);
    expect(await running.stop()).toBe(0);
    expect([existsSync(pidfile), existsSync(join(dir, "branch.pid"))]).toEqual([false, false]);
  });
});

describe("--detach", () => {
  test("returns when the branch answers, which lives on in a session of its own and logs to branch.log", async () => {
    const dir = freshDir();
    const { code, stdout, stderr } = await branchCommand(["0", "-D", dir, "--detach", "-i", "far"]);
    expect([code, stdout]).toEqual([0, ""]);
    const pid = Number(await readFile(join(dir, "branch.pid"), "utf8"));
    try {
      expect(stderr).toContain(`(pid ${pid})`);
      expect(stderr).toContain(join(dir, "branch.log"));
      expect((await overSocket(dir, "/branches/")).body).toContain("far");
      expect(session(pid)).toBe(pid);
      const log = join(dir, "branch.log");
      expect(await readFile(log, "utf8")).toContain("branch is ready");
      expect((await stat(log)).mode & 0o777).toBe(0o600);
    } finally {
      process.kill(pid, "SIGTERM");
      await until(() => !alive(pid), { what: "the daemon to end" });
    }
  });

  test("tells why the branch did not start", async () => {
    const { port } = new URL(branch.url);
    const { code, stderr } = await branchCommand([port, "-D", freshDir(), "--detach"]);
    expect(code).not.toBe(0);
    expect(stderr).toContain("another program listens there already");
    const second = await branchCommand(["0", "-D", branch.dir, "--detach"]);
    expect(second.code).not.toBe(0);
    expect(second.stderr).toContain("already");
  });
});

test("a log file that cannot be written is refused", async () => {
  const folder = join(home, "shut");
  await writeFile(folder, "");
  await chmod(folder, 0o600);
  const { code, stderr } = await branchCommand(["0", "-D", freshDir(), "-f", join(folder, "log")]);
  expect([code, stderr]).toEqual([2, expect.stringContaining(join(folder, "log"))]);
});
