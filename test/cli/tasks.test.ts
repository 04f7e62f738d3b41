import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, readdir, readFile, readlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BINARY, run, startBranch, type Branch } from "../harness/branch.ts";
import { anyCelery } from "../harness/celery.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { answer, readRequests, startEcho, startTarget, type Echo, type Target } from "../harness/targets.ts";
import { until } from "../harness/wait.ts";

/* URL tasks from the command line, with a real worker: over HTTP, and with -L while the daemon runs and while it does not. */

const VERBS = ["HEAD", "GET", "POST", "PUT", "DELETE", "TRACE", "OPTIONS", "CONNECT", "PATCH"] as const;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

let vhost: Vhost;
let branch: Branch;
let echo: Echo;
let home: string;

beforeAll(async () => {
  vhost = await freshVhost();
  home = await mkdtemp(join(tmpdir(), "cyme-cli-tasks-"));
  echo = await startEcho();
  branch = await startBranch({ broker: vhost.url });
  for (const command of [
    "apps.add shop --stop-timeout 5",
    "-a shop queues.add t2",
    "-a shop queues.add idle",
    "-a shop instances.add web --queues t2 --pool threads --max-concurrency 4",
  ]) {
    const { code, stderr } = await branch.cli(...command.split(" "));
    expect([command, code, stderr]).toEqual([command, 0, ""]);
  }
}, 60_000);

afterAll(async () => {
  await branch[Symbol.asyncDispose]();
  await echo.stop();
  await rm(home, { recursive: true, force: true });
  await vhost.drop();
}, 60_000);

/** Without anything that a developer's shell may tell Cyme. */
const environment = () => ({
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(CYME_|NO_COLOR|FORCE_COLOR)/.test(name))),
  CYME_APP: "shop",
});

const remote = () => ["-u", branch.url];
const local = () => ["-L", "-D", branch.dir];
const MODES = [
  { mode: "over HTTP", options: remote, hasDaemon: true },
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

  const cyme = (...args: string[]) => run([BINARY, ...options(), ...args], environment(), home);
  const prints = async (...args: string[]) => {
    const { code, stdout, stderr } = await cyme(...args);
    expect([args, code, stderr]).toEqual([args, 0, ""]);
    return stdout;
  };
  const json = async (...args: string[]) => {
    const stdout = await prints("-F", "json", ...args);
    expect(stdout).toMatch(/^[^\n]+\n$/);
    return JSON.parse(stdout) as Record<string, unknown>;
  };
  /** Sends a task and gives its uuid. */
  const send = async (...args: string[]) => {
    const { uuid } = await json("tasks.send", ...args);
    expect(uuid).toMatch(UUID);
    return String(uuid);
  };
  /** Waits for a task and gives the one request that the echo saw of it. */
  const seen = async (uuid: string, path: string) => {
    await prints("tasks.wait", uuid);
    const requests = echo.requests.filter(({ target }) => target.startsWith(path));
    expect(requests).toHaveLength(1);
    return requests[0];
  };
  const pathOf = (name: string) => `/${name}-${crypto.randomUUID()}`;

  test("a URL is sent, waited for, and its answer shown for people and for programs", async () => {
    const path = pathOf("hello");
    const sent = await json("tasks.send", "t2", `${echo.url}${path}?user=133`);
    const uuid = String(sent["uuid"]);
    expect(uuid).toMatch(UUID);
    expect(sent).toMatchObject({
      url: `${echo.url}${path}?user=133`,
      queue: "t2",
      method: "GET",
      params: { user: "133" },
      data: null,
      broker: { hostname: "127.0.0.1" },
    });
    const shown = await prints("tasks.wait", uuid);
    expect(shown).toMatch(/^status_code: 200$/m);
    expect(shown).toMatch(/^headers:\n +Content-Type: +application\/json$/m);
    expect(shown).toContain(`\n\n{"method":"GET","target":"${path}?user=133"`);
    expect(await prints("tasks.state", uuid)).toBe("SUCCESS\n");
    expect(await json("tasks.state", uuid)).toEqual({ state: "SUCCESS" });
    expect(await prints("tasks.result", uuid)).toBe(shown);
    expect(await json("tasks.result", uuid)).toMatchObject({ result: { status_code: 200, is_base64: false } });
  });

  test.each(VERBS)("%s reaches the web server as it is", async (verb) => {
    const path = pathOf(verb);
    const uuid = await send("t2", `${echo.url}${path}`, "-X", verb.toLowerCase());
    expect(await seen(uuid, path)).toMatchObject({ method: verb, target: path });
  });

  test("a URL reaches it byte for byte", async () => {
    const path = `${pathOf("odd")}//a%2Fb;c=1/%C3%A9/x%20y/!'()*@:$,+=&~/?q=%26&q=a+b&e=%&=#`;
    const uuid = await send("t2", `${echo.url}${path}#fragment`);
    expect((await seen(uuid, path.slice(0, 40)))?.target).toBe(path.slice(0, -1));
  });

  test("a body reaches it byte for byte, with its type: a form, a file, standard input", async () => {
    const form = pathOf("form");
    const sent = await send("t2", `${echo.url}${form}`, "-d", "a=1", "-d", "b=ü");
    expect(await seen(sent, form)).toMatchObject({ method: "POST", body: Buffer.from("a=1&b=ü") });

    const file = pathOf("file");
    const bytes = Buffer.from([0, 255, 13, 10, 128]);
    await Bun.write(join(home, "bytes"), bytes);
    const put = ["-X", "PUT", "-d", "@bytes", "--content-type", "image/x-test"];
    const request = await seen(await send("t2", `${echo.url}${file}`, ...put), file);
    expect(request).toMatchObject({ method: "PUT", body: bytes });
    expect(request?.headers).toContainEqual(["Content-Type", "image/x-test"]);

    const piped = pathOf("piped");
    const words = [BINARY, ...options(), "-F", "json", "tasks.send", "t2", `${echo.url}${piped}`, "-d", "@-"];
    const pipe = `printf 'x=1\\n' | ${words.map((word) => `'${word}'`).join(" ")}`;
    const { stdout, stderr } = await run(["bash", "-c", pipe], environment(), home);
    expect(stderr).toBe("");
    const { uuid } = JSON.parse(stdout) as { uuid: string };
    expect(await seen(uuid, piped)).toMatchObject({ method: "POST", body: Buffer.from("x=1\n") });
  });

  test("what is sent again under its uuid is one task, and what differs is refused", async () => {
    const path = pathOf("once");
    const uuid = crypto.randomUUID();
    const again = ["t2", `${echo.url}${path}`, "--uuid", uuid];
    expect([await send(...again), await send(...again)]).toEqual([uuid, uuid]);
    await seen(uuid, path);
    const { code, stderr } = await cyme("tasks.send", ...again, "-X", "DELETE");
    expect([code, stderr]).toEqual([3, expect.stringContaining(uuid)]);
  });

  test("with -n a task is sent as well", async () => {
    const path = pathOf("nowait");
    await seen(await send("t2", `${echo.url}${path}`, "-n"), path);
  });

  test("a task that failed shows why", async () => {
    const uuid = await send("t2", "http://127.0.0.1:1/");
    expect(await prints("tasks.wait", uuid)).toMatch(/^error:\n {2}type: +\w+\n {2}message: .*127\.0\.0\.1/);
    expect(await json("tasks.result", uuid)).toMatchObject({ result: null, error: { type: expect.any(String) } });
    expect(await prints("tasks.state", uuid)).toBe("FAILURE\n");
  });

  test("a task that nobody has done has no result yet, and waiting for it ends in time with exit code 4", async () => {
    const uuid = await send("idle", `${echo.url}/never`);
    expect(await prints("tasks.state", uuid)).toBe("PENDING\n");
    expect(await prints("tasks.result", uuid)).toBe("-\n");
    const { code, stdout, stderr } = await cyme("tasks.wait", uuid, "--timeout", "0.3");
    expect([code, stdout]).toEqual([4, ""]);
    expect(stderr).toContain(`error: Task ${uuid} is PENDING after 0.3 s`);
    expect(stderr).toContain(`cyme -a shop tasks.state ${uuid}`);
  });

  test.each([
    ["an app that is not there", ["-a", "none", "tasks.send", "t2", "http://m/"], 3, 'Cannot find app "none"'],
    ["a queue that is not declared", ["tasks.send", "none", "http://m/"], 3, 'Cannot find queue "none"'],
    ["a state for an app that is not there", ["-a", "none", "tasks.state", crypto.randomUUID()], 3, 'app "none"'],
    ["HEAD to a queue that is not declared", ["tasks.send", "none", "http://m/", "-X", "HEAD"], 3, "not-found"],
  ])("%s is refused", async (_, args, code, words) => {
    const ran = await cyme(...args);
    expect([ran.code, ran.stdout, ran.stderr]).toEqual([code, "", expect.stringContaining(words)]);
  });
});

/** Whether a process has an established TCP connection. */
async function isConnected(pid: number): Promise<boolean> {
  const ESTABLISHED = "01";
  const lines = (await readFile("/proc/net/tcp", "utf8")).trim().split("\n").slice(1);
  const established = lines.map((line) => line.trim().split(/ +/)).filter(([, , , state]) => state === ESTABLISHED);
  const sockets = new Set(established.map((fields) => `socket:[${fields[9]}]`));
  const folder = `/proc/${pid}/fd`;
  const links = await Promise.all((await readdir(folder)).map((fd) => readlink(join(folder, fd)).catch(() => "")));
  return links.some((link) => sockets.has(link));
}

describe("waiting", () => {
  /** Answers each request once it is told to. */
  async function slowTarget() {
    const go = Promise.withResolvers<void>();
    const target: Target = await startTarget((socket) => {
      readRequests(
        socket,
        () => void go.promise.then(() => socket.write(answer({ body: "at last", type: "text/plain" }))),
      );
    });
    return { target, answer: () => go.resolve() };
  }

  const sendTo = async (url: string) => {
    const { stdout } = await run([BINARY, ...remote(), "-F", "json", "tasks.send", "t2", url], environment(), home);
    return (JSON.parse(stdout) as { uuid: string }).uuid;
  };
  const waiting = (...argv: string[]) =>
    Bun.spawn(argv, { env: environment(), cwd: home, stdin: "ignore", stdout: "pipe", stderr: "pipe" });

  test("shows on a terminal for what and how long, and erases that", async () => {
    const { target, answer: go } = await slowTarget();
    const uuid = await sendTo(target.url);
    const spawn = "import pty, sys; pty.spawn(sys.argv[1:])";
    const child = waiting(anyCelery().python, "-c", spawn, BINARY, ...remote(), "tasks.wait", uuid);
    let text = "";
    const reading = (async () => {
      for await (const bytes of child.stdout) text += new TextDecoder().decode(bytes);
    })();
    await until(() => text.includes(`tasks.wait ${uuid}: waiting for the result, 3 s`), { what: "the third second" });
    go();
    await reading;
    expect(text.split("\r\u001B[K").at(-1)).toMatch(/^status_code: 200\r\n[^]*\r\n\r\nat last\r\n$/);
    await target.stop();
  });

  test("goes on over a restart of the branch", async () => {
    const { target, answer: go } = await slowTarget();
    const uuid = await sendTo(target.url);
    await until(() => target.connections() > 0, { what: "the worker to have begun" });
    const child = waiting(BINARY, ...remote(), "tasks.wait", uuid);
    await until(() => isConnected(child.pid), { what: "the command to have asked" });
    await branch.stop("SIGKILL");
    await branch.restart();
    go();
    expect(await new Response(child.stdout).text()).toEndWith("\n\nat last\n");
    expect(await child.exited).toBe(0);
    await target.stop();
  });

  test("ends by Ctrl-C with 130, and so does typing what is to be sent", async () => {
    const idle = await run([BINARY, ...remote(), "-F", "json", "tasks.send", "idle", "http://m/"], environment(), home);
    const { uuid: never } = JSON.parse(idle.stdout) as { uuid: string };
    const child = waiting(BINARY, ...remote(), "tasks.wait", never);
    const typing = Bun.spawn([BINARY, ...remote(), "tasks.send", "t2", "http://m/", "-d", "@-"], {
      env: environment(),
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
    });
    typing.stdin.write("half");
    await typing.stdin.flush();
    for (const one of [child, typing]) {
      // Until it has its handler, a signal would end it by itself.
      const status = () => Bun.file(`/proc/${one.pid}/status`).text();
      await until(async () => (BigInt(`0x${/SigCgt:\s*(\w+)/.exec(await status())?.[1]}`) & 2n) !== 0n, {
        what: "the handler of SIGINT",
      });
      one.kill("SIGINT");
      expect(await one.exited).toBe(130);
      expect(await new Response(one.stdout).text()).toBe("");
      expect(await new Response(one.stderr).text()).toBe("");
    }
  });
});
