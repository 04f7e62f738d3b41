import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { appendFile, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { version } from "../../package.json";
import { BINARY, run, startBranch, type Branch } from "../harness/branch.ts";
import { anyCelery } from "../harness/celery.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";

/* The real binary against a real branch: over HTTP, and with -L on its directory while the daemon runs and while it does not. */

let vhost: Vhost;
let branch: Branch;
let home: string;

beforeAll(async () => {
  vhost = await freshVhost();
  home = await mkdtemp(join(tmpdir(), "cyme-cli-"));
  branch = await startBranch({ broker: vhost.url });
}, 60_000);

afterAll(async () => {
  await branch[Symbol.asyncDispose]();
  await rm(home, { recursive: true, force: true });
  await vhost.drop();
}, 60_000);

/** Without anything that a developer's shell may tell Cyme. */
const environment = (more: Record<string, string> = {}) => ({
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(CYME_|NO_COLOR|FORCE_COLOR)/.test(name))),
  ...more,
});

/** Runs the binary as a client of the branch. */
const cyme = (...args: string[]) => run([BINARY, ...args], environment({ CYME_URL: branch.url }), home);

const local = () => ["-L", "-D", branch.dir];
type Mode = { mode: string; options: () => string[]; hasDaemon: boolean };
const MODES: Mode[] = [
  { mode: "over HTTP", options: () => ["-u", branch.url], hasDaemon: true },
  { mode: "with -L while the daemon runs", options: local, hasDaemon: true },
  { mode: "with -L while no daemon runs", options: local, hasDaemon: false },
];

describe.each(MODES)("$mode", ({ options, hasDaemon }) => {
  beforeAll(async () => {
    if (!hasDaemon) await branch.stop();
  });

  afterAll(async () => {
    if (!hasDaemon) await branch.restart();
  });

  /** Runs a command, its words split at spaces, which is to succeed; gives what it prints. */
  const prints = async (command: string) => {
    const { code, stdout, stderr } = await run(
      [BINARY, ...options(), ...command.split(" ")],
      environment({ CYME_URL: "http://127.0.0.1:1" }),
      home,
    );
    expect([command, code, stderr]).toEqual([command, 0, ""]);
    return stdout;
  };
  const json = async (command: string): Promise<unknown> => {
    const stdout = await prints(`-F json ${command}`);
    expect(stdout).toMatch(/^[^\n]+\n$/);
    return JSON.parse(stdout);
  };

  test("apps are added, shown, changed and listed", async () => {
    expect(await json("apps.add shop --stop-timeout 1")).toMatchObject({ name: "shop", stop_timeout: 1 });
    expect(await prints("apps")).toBe("shop\n");
    expect(await json("apps")).toEqual(["shop"]);
    expect(await prints("apps.get shop")).toMatch(/^name: +shop$/m);
    expect(await json("apps.set shop --env A=1 --env B=x=y")).toMatchObject({ env: { A: "1", B: "x=y" } });
    expect(await json("apps.set shop --env=")).toMatchObject({ env: null, stop_timeout: 1 });
  });

  test("queues are declared, shown and listed", async () => {
    expect(await json('-a shop queues.add t2 e topic a.# {"durable":true}')).toMatchObject({
      name: "t2",
      exchange: "e",
      exchange_type: "topic",
      routing_key: "a.#",
      options: { durable: true },
    });
    expect(await prints("-a shop queues")).toBe("t2\n");
    expect(await prints("queues.get t2 -a shop")).toMatch(/^exchange_type: +topic$/m);
  });

  test("instances are added, shown and listed, and their workers run", async () => {
    expect(await json("-a shop instances.add web --pool solo")).toMatchObject({ name: "web", pool: "solo" });
    expect(await prints("-a shop instances")).toBe("web\n");
    expect(await prints("-a shop instances.get web")).toMatch(/^state: +running$/m);
    expect(await json("instances.get web")).toMatchObject({ app: "shop", state: "running", pid: expect.any(Number) });
    expect(await json("-a shop instances.stats web")).toMatchObject({ pid: expect.any(Number) });
    expect(await json("-a shop instances.set web --stop-timeout 2")).toMatchObject({ stop_timeout: 2 });
  });

  test("consumers are added, listed and deleted", async () => {
    expect(await prints("-a shop consumers.add web t2")).toBe("ok\n");
    expect(Object.keys((await json("-a shop consumers web")) as object).toSorted()).toEqual(["dq.web", "t2"]);
    expect(await prints("consumers web")).toMatch(/^NAME +EXCHANGE.*\ndq\.web .*\nt2 +e +topic/);
    expect(await json("-a shop consumers.delete web t2")).toEqual({ ok: "ok" });
    expect(Object.keys((await json("-a shop consumers web")) as object)).toEqual(["dq.web"]);
  });

  test("bounds, log and history are shown", async () => {
    expect(await json("-a shop instances.autoscale web")).toEqual({ max: 1, min: 1 });
    expect(await json("-a shop instances.autoscale web 1 0")).toEqual({ max: 1, min: 0 });
    expect(await prints("-a shop instances.log web --lines 1000")).toContain("[queues]");
    expect(await prints("-a shop instances.history web")).toMatch(/^AT +DID +WHY.*\n.* started /s);
    expect(await json("-a shop instances.history web")).toContainEqual(expect.objectContaining({ did: "started" }));
  });

  test("an instance is disabled, enabled and restarted", async () => {
    expect(await prints("-a shop instances.disable web")).toBe("ok\n");
    expect(await json("instances.get web")).toMatchObject({ state: "disabled", pid: null });
    expect(await prints("-a shop instances.enable web")).toBe("ok\n");
    const { pid } = (await json("instances.get web")) as { pid: number };
    expect(await prints("-a shop instances.restart web")).toBe("ok\n");
    const after = (await json("instances.get web")) as { pid: number; state: string };
    expect(after.state).toBe("running");
    expect(after.pid).not.toBe(pid);
  });

  test("all workers of the branch are stopped and held, and started", async () => {
    expect(await prints("shutdown-all")).toBe("web\n");
    expect(await branch.workers()).toEqual([]);
    expect(await json("status")).toMatchObject({
      branch: { id: branch.id, running: hasDaemon },
      held: 1,
      instances: [{ name: "web", is_enabled: true, is_held: true, state: "stopped" }],
    });
    expect(await prints("status")).toContain("cyme start-all starts them");
    expect(await prints("start-all")).toBe("web\n");
    expect(await json("restart-all")).toEqual({ ok: "ok", instances: ["web"] });
    expect(await prints("status")).toMatch(/^web +shop +running /m);
  });

  test("the branch is listed and shown", async () => {
    expect(await prints("branches")).toBe(`${branch.id}\n`);
    expect(await json(`branches.get ${branch.id}`)).toMatchObject({
      id: branch.id,
      pid: hasDaemon ? branch.pid : null,
    });
  });

  test("instances, queues and apps are deleted", async () => {
    expect(await prints("-a shop instances.delete web")).toBe("ok\n");
    await branch.expectNoLeftovers();
    expect(await prints("-a shop queues.delete t2")).toBe("ok\n");
    expect(await json("apps.delete shop")).toEqual({ ok: "ok" });
    expect(await prints("apps")).toBe("");
    expect(await json("apps")).toEqual([]);
  });
});

describe("-L", () => {
  test("changes what a branch does when it starts", async () => {
    await branch.stop();
    const alone = async (...args: string[]) => (await cyme(...local(), ...args)).code;
    expect(await alone("apps.add", "early")).toBe(0);
    expect(await alone("-n", "-a", "early", "instances.add", "bird", "--pool", "solo")).toBe(0);
    await branch.restart();
    const bird = () => branch.api<{ state: string }>("GET", "/early/instances/bird/");
    await until(async () => (await bird()).body.state === "running", { what: "bird to run", timeoutMs: 30_000 });
    expect((await cyme("apps.delete", "early")).code).toBe(0);
  });

  test("takes its turn where no daemon runs: commands at the same time all succeed", async () => {
    await branch.stop();
    const names = ["turn1", "turn2", "turn3", "turn4"];
    const ran = await Promise.all(names.map((name) => cyme(...local(), "apps.add", name)));
    expect(ran.map(({ code, stderr }) => [code, stderr])).toEqual(names.map(() => [0, ""]));
    expect((await cyme(...local(), "apps")).stdout).toBe(names.map((name) => `${name}\n`).join(""));
    await branch.restart();
    for (const name of names) expect((await cyme("apps.delete", name)).code).toBe(0);
  });

  test("where no daemon runs is left by Ctrl-C with nothing half done", async () => {
    await branch.stop();
    await cyme(...local(), "apps.add", "cut");
    const child = Bun.spawn([BINARY, ...local(), "-a", "cut", "instances.add", "short", "--pool", "solo"], {
      env: environment(),
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    await until(async () => (await branch.workers()).length > 0, { what: "the worker to be started" });
    child.kill("SIGINT");
    expect(await child.exited).toBe(130);
    expect(await new Response(child.stdout).text()).toBe("");
    const enabled = await cyme(...local(), "-a", "cut", "instances.enable", "short");
    expect([enabled.code, enabled.stdout]).toEqual([0, "ok\n"]);
    const { stdout } = await cyme(...local(), "-F", "json", "instances.get", "short");
    expect(JSON.parse(stdout)).toMatchObject({ state: "running", restarts: 0 });
    await branch.restart();
    expect((await cyme("apps.delete", "cut")).code).toBe(0);
    await branch.expectNoLeftovers();
  });

  test("wins over -u", async () => {
    expect(await cyme(...local(), "-u", "http://127.0.0.1:1", "branches")).toMatchObject({ stdout: `${branch.id}\n` });
  });

  test("is not needed for the commands on this branch where its directory is named, or lies here", async () => {
    const { CYME_URL: _url, ...env } = environment({ CYME_URL: "" });
    const named = await run([BINARY, "-F", "json", "status", "-D", branch.dir], env, home);
    expect(JSON.parse(named.stdout)).toMatchObject({ branch: { id: branch.id } });
    await symlink(branch.dir, join(home, "instances"));
    const here = await run([BINARY, "-F", "json", "status"], env, home);
    expect(JSON.parse(here.stdout)).toMatchObject({ branch: { id: branch.id } });
    await rm(join(home, "instances"));
  });

  test("says where no branch ever was, and makes nothing", async () => {
    const { code, stdout, stderr } = await cyme("-L", "-D", join(home, "nowhere"), "apps");
    expect([code, stdout, stderr]).toEqual([3, "", expect.stringContaining(`There is no branch in ${home}/nowhere`)]);
    for (const command of ["shutdown-all", "start-all", "restart-all"]) {
      const ran = await cyme("-D", join(home, "nowhere"), command);
      expect([command, ran.code, ran.stderr]).toEqual([command, 3, expect.stringContaining("There is no branch in")]);
    }
    expect(existsSync(join(home, "nowhere"))).toBe(false);
  });
});

describe("output", () => {
  beforeAll(async () => {
    await cyme("apps.add", "look");
    await cyme("-a", "look", "instances.add", "asleep", "--is-enabled", "no");
  });

  test.each(["apps.get look", "-a look instances.get asleep", "-a look instances", "branches", "-a look queues"])(
    "of %s as JSON is the answer of the branch on one line",
    async (command) => {
      const path = {
        "apps.get look": "/look/",
        "-a look instances.get asleep": "/look/instances/asleep/",
        "-a look instances": "/look/instances/",
        branches: "/branches/",
        "-a look queues": "/look/queues/",
      }[command];
      const answer = await (await fetch(`${branch.url}${path}`)).text();
      expect((await cyme("-F", "json", ...command.split(" "))).stdout).toBe(`${answer}\n`);
    },
  );

  test("in a pipe has no escape codes, whatever is shown", async () => {
    for (const command of ["status", "apps.get look", "--help", "help branch", "instances.get none"]) {
      const { stdout, stderr } = await cyme(...command.split(" "));
      expect(stdout + stderr).not.toContain("\u001B");
    }
  });

  test("on a terminal is coloured, and not with NO_COLOR", async () => {
    const onTerminal = async (env: Record<string, string>) => {
      const all = { ...environment({ CYME_URL: branch.url, TERM: "xterm", ...env }) };
      const spawn = "import pty, sys; pty.spawn(sys.argv[1:])";
      const ran = await run([anyCelery().python, "-c", spawn, BINARY, "apps.get", "none"], all, home);
      return ran.stdout;
    };
    expect(await onTerminal({})).toContain("\u001B[31merror:");
    expect(await onTerminal({ NO_COLOR: "1" })).not.toContain("\u001B[");
  });

  test("whose reader leaves ends the command quietly", async () => {
    const pipe = `set -o pipefail; '${BINARY}' help branch | head -n 1`;
    const { code, stdout, stderr } = await run(["bash", "-c", pipe], environment(), home);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^cyme \[options\] branch/);
  });
});

describe("a followed log", () => {
  let log: string;

  /** Follows the log of an instance that never ran; its file is written by the test. */
  const follow = (pipe: string) =>
    Bun.spawn(["bash", "-c", `exec '${BINARY}' -a look instances.log loud --follow ${pipe}`], {
      env: environment({ CYME_URL: branch.url }),
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });

  beforeAll(async () => {
    await cyme("-a", "look", "instances.add", "loud", "--is-enabled", "no");
    log = join(branch.dir, "loud", "worker.log");
  });

  beforeEach(async () => {
    await Bun.write(log, "one\n");
  });

  test("is printed as it comes, until Ctrl-C, which is no failure", async () => {
    const child = follow("");
    let text = "";
    const reading = (async () => {
      for await (const bytes of child.stdout) text += new TextDecoder().decode(bytes);
    })();
    await until(() => text === "one\n", { what: "the first line" });
    await appendFile(log, "two\n");
    await until(() => text === "one\ntwo\n", { what: "the second line" });
    child.kill("SIGINT");
    expect(await child.exited).toBe(0);
    await reading;
    expect(await new Response(child.stderr).text()).toBe("");
  });

  test("ends when its reader has left", async () => {
    const child = follow("| head -n 1");
    const write = async () => {
      await appendFile(log, "more\n");
      return child.exitCode !== null;
    };
    await until(write, { what: "the command to end" });
    expect(await new Response(child.stdout).text()).toBe("one\n");
    expect(await new Response(child.stderr).text()).toBe("");
  });
});

describe("errors", () => {
  const rows: [what: string, command: string, code: number, words: string][] = [
    ["of what is not there", "apps.get none", 3, 'Cannot find app "none"'],
    ["of an instance that is not there", "-a look instances.restart none", 3, 'Cannot find instance "none"'],
    ["of a wrong parameter", "-a look instances.autoscale asleep 0", 2, "Cannot use max"],
    ["of what exists already", "-a look instances.add asleep", 3, "exists already"],
    ["of a state that does not fit", "-a look instances.stats asleep", 3, "not running"],
    ["of a worker that does not start", "-a look instances.add bad --command /no/such/celery", 4, "/no/such/celery"],
    ["of a branch that is not there", "-u http://127.0.0.1:1 apps", 4, "is the branch running?"],
    ["of an unknown command", "instanses", 2, "did you mean instances?"],
    ["of an unknown option", "apps --formatt json", 2, "did you mean --format?"],
    ["of nowait on a read", "-n apps", 2, "--nowait"],
    ["of a missing argument", "apps.get", 2, "usage: cyme apps.get <name>"],
  ];
  test.each(rows)("%s end with their exit code, on standard error", async (_, command, code, words) => {
    const ran = await cyme(...command.split(" "));
    expect([ran.code, ran.stdout, ran.stderr]).toEqual([code, "", expect.stringContaining(words)]);
    expect(ran.stderr).toStartWith("error: ");
    const asJson = await cyme("-F", "json", ...command.split(" "));
    expect([asJson.code, asJson.stdout]).toEqual([code, ""]);
    expect(JSON.parse(asJson.stderr)).toMatchObject({ nok: expect.any(String), error: expect.any(String) });
  });

  test("of a branch that does not answer come within the deadline", async () => {
    process.kill(branch.pid, "SIGSTOP");
    const { code, stderr } = await cyme("--timeout", "0.2", "apps");
    process.kill(branch.pid, "SIGCONT");
    expect([code, stderr]).toEqual([4, expect.stringContaining("No answer within")]);
  });

  test("of a wait that was too short say that it will be done", async () => {
    const { code, stderr } = await cyme("-a", "look", "instances.add", "late", "--pool", "solo", "--timeout", "0.1");
    expect([code, stderr]).toEqual([4, expect.stringContaining("It is stored and will be done.")]);
    expect((await cyme("-a", "look", "instances.delete", "late")).code).toBe(0);
  });

  test("of the local branch are the same", async () => {
    const ran = await cyme(...local(), "apps.get", "none");
    expect([ran.code, ran.stdout, ran.stderr]).toEqual([3, "", expect.stringContaining('Cannot find app "none"')]);
  });

  test("show no password", async () => {
    const ran = await cyme("apps.add", "x", "--broker", "http://u:s3cret@h/");
    expect([ran.code, ran.stderr]).toEqual([2, expect.stringContaining("Cannot use broker")]);
    expect(ran.stderr).not.toContain("s3cret");
  });
});

describe("a command line", () => {
  test("may have its options before and after the command, and two words for a command", async () => {
    const lines = [
      ["-a", "look", "-F", "json", "instances.get", "asleep"],
      ["instances.get", "asleep", "-a", "look", "-F", "json"],
      ["instances", "get", "-alook", "asleep", "--format=json"],
      ["-F", "json", "instances", "-a", "look", "get", "asleep"],
    ];
    for (const line of lines) {
      const { code, stdout } = await cyme(...line);
      expect([line, code]).toEqual([line, 0]);
      expect(JSON.parse(stdout)).toMatchObject({ name: "asleep", app: "look" });
    }
  });

  test("with -n returns at once", async () => {
    expect(await cyme("-n", "-a", "look", "instances.disable", "asleep")).toEqual({
      code: 0,
      stdout: "operation scheduled\n",
      stderr: "",
    });
    const added = await cyme("-n", "-F", "json", "-a", "look", "instances", "add", "--is-enabled", "no");
    expect(JSON.parse(added.stdout)).toEqual({
      ok: "operation scheduled",
      name: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
  });

  test("takes the app, the format and the broker of a new app from variables", async () => {
    const env = environment({
      CYME_URL: branch.url,
      CYME_APP: "look",
      CYME_FORMAT: "json",
      CYME_BROKER: "amqp://127.0.0.9:1//",
    });
    const asleep = await run([BINARY, "instances.get", "asleep"], env, home);
    expect(JSON.parse(asleep.stdout)).toMatchObject({ app: "look" });
    const added = await run([BINARY, "apps.add", "elsewhere"], env, home);
    expect(JSON.parse(added.stdout)).toMatchObject({ broker: { hostname: "127.0.0.9", port: 1 } });
    await cyme("apps.delete", "elsewhere");
  });

  test("takes values that begin with a dash behind = or behind --", async () => {
    const set = await cyme("-F", "json", "apps.set", "look", "--arguments=-A proj");
    expect(JSON.parse(set.stdout)).toMatchObject({ arguments: "-A proj" });
    const added = await cyme("-F", "json", "apps.add", "--", "look", "", "-E");
    expect(JSON.parse(added.stdout)).toMatchObject({ arguments: "-E" });
    await cyme("apps.set", "look", "--arguments=");
  });

  test("may ask for the version or for help, with and without a command", async () => {
    expect(await cyme("--version")).toEqual({ code: 0, stdout: `cyme ${version}\n`, stderr: "" });
    const help = await cyme("--help");
    expect([help.code, help.stderr]).toEqual([0, ""]);
    expect(help.stdout).toContain("instances.autoscale");
    for (const line of [
      ["help", "instances.add"],
      ["help", "instances", "add"],
      ["instances.add", "--help"],
    ]) {
      const { code, stdout } = await cyme(...line);
      expect([code, stdout]).toEqual([0, expect.stringContaining("cyme [options] instances.add [name]")]);
    }
  });

  test("of nothing shows the overview on standard error", async () => {
    const { code, stdout, stderr } = await cyme();
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain("cyme [options] <command> [arguments]");
  });

  test("in which the binary is called cyme-branch means cyme branch", async () => {
    const link = join(home, "cyme-branch");
    await symlink(BINARY, link);
    const help = await run([link, "--help"], environment(), home);
    expect([help.code, help.stdout]).toEqual([0, expect.stringContaining("cyme [options] branch [address]")]);
    const wrong = await run([link, "99999"], environment(), home);
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining("Cannot use address")]);
    const found = await run(["cyme-branch", "--help"], environment({ PATH: `${home}:${process.env["PATH"]}` }), home);
    expect(found.stdout).toBe(help.stdout);
  });

  test("with completion prints a script for the shell, which bash reads", async () => {
    const { code, stdout } = await cyme("completion", "bash");
    expect(code).toBe(0);
    await Bun.write(join(home, "completion.bash"), stdout);
    expect(await run(["bash", "-n", join(home, "completion.bash")], environment(), home)).toMatchObject({
      code: 0,
      stderr: "",
    });
  });
});

test("branches.shutdown ends the daemon, whose workers stay", async () => {
  const { code, stdout } = await cyme("branches.shutdown", branch.id);
  expect([code, stdout]).toEqual([0, "operation scheduled\n"]);
  expect(await branch.stop()).toBe(0);
});
