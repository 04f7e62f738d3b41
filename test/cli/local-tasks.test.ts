import { Database } from "bun:sqlite";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { AMQPClient } from "@cloudamqp/amqp-client";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lockFile } from "../../src/kit/file-lock.ts";
import { BINARY, run, startBranch, type Branch } from "../harness/branch.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";

/* Tasks with -L while no daemon runs, beside other commands and a daemon that starts. The tests are the workers. */

const AWAY = "amqp://guest:guest@127.0.0.1:1//";

const environment = (broker: string) => ({
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(CYME_|NO_COLOR|FORCE_COLOR)/.test(name))),
  CYME_APP: "shop",
  CYME_BROKER: broker,
});

interface Own {
  readonly host: string;
  readonly port: number;
}

/** A command of its own process on an instance directory. */
function start(dir: string, broker: string, ...args: string[]) {
  const child = Bun.spawn([BINARY, "-L", "-D", dir, ...args], {
    env: environment(broker),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  let stderr = "";
  const reading = (async () => {
    for await (const bytes of child.stderr) stderr += new TextDecoder().decode(bytes);
  })();
  return {
    child,
    stderr: () => stderr,
    async ended() {
      const [stdout, code] = await Promise.all([child.stdout.text(), child.exited, reading]);
      return { code, stdout, stderr };
    },
  };
}

describe("results", () => {
  let vhost: Vhost;
  let branch: Branch;
  let amqp: AMQPClient;

  beforeAll(async () => {
    vhost = await freshVhost();
    branch = await startBranch({ broker: vhost.url });
    await branch.api("POST", "/shop/");
    await branch.api("POST", "/shop/queues/t2/");
    amqp = new AMQPClient(vhost.url);
    await amqp.connect();
  }, 60_000);

  afterAll(async () => {
    await amqp.close();
    await branch[Symbol.asyncDispose]();
    await vhost.drop();
  }, 60_000);

  beforeEach(() => branch.stop().then(() => {}));

  const local = (...args: string[]) => start(branch.dir, vhost.url, ...args);
  const queue = () => `cyme.results.${branch.id}`;
  const finished = async (...uuids: string[]) => {
    const channel = await amqp.channel();
    await channel.confirmSelect();
    for (const task_id of uuids) {
      await channel.basicPublish("", queue(), JSON.stringify({ task_id, status: "SUCCESS", result: task_id }));
    }
    await channel.close();
  };
  /** A command that has looked for the result once. */
  const waiting = async (uuid: string) => {
    const log = join(branch.dir, `${uuid}.log`);
    const command = local("-F", "json", "-f", log, "tasks.wait", uuid, "--timeout", "60");
    await until(async () => /connected.*part=tasks/.test(await Bun.file(log).text()), { what: "the command to look" });
    return command;
  };

  test("that two commands wait for reach both, whoever takes them", async () => {
    const uuids = [crypto.randomUUID(), crypto.randomUUID()];
    const commands = [];
    for (const uuid of uuids) commands.push(await waiting(uuid));
    await finished(...uuids);
    const ends = await Promise.all(commands.map((command) => command.ended()));
    expect(ends.map(({ code, stderr }) => [code, stderr])).toEqual(uuids.map(() => [0, ""]));
    expect(ends.map(({ stdout }) => JSON.parse(stdout))).toEqual(uuids.map((result) => ({ result })));
  });

  test("that are waited for at a daemon which started meanwhile reach those who wait there, and the command", async () => {
    const own = crypto.randomUUID();
    const command = await waiting(own);
    await branch.restart();
    const uuids = Array.from({ length: 20 }, () => crypto.randomUUID());
    const answers = uuids.map((uuid) => branch.api("GET", `/shop/query/${uuid}/wait/`, { query: { timeout: "10" } }));
    for (const uuid of uuids) await finished(uuid);
    expect((await Promise.all(answers)).map(({ status, body }) => [status, body])).toEqual(
      uuids.map((result) => [200, { result }]),
    );
    await finished(own);
    expect(await command.ended()).toEqual({ code: 0, stdout: `{"result":"${own}"}\n`, stderr: "" });
  });

  test("keep no daemon from starting while they are waited for", async () => {
    const command = await waiting(crypto.randomUUID());
    await branch.restart();
    expect((await branch.api("GET", "/ping/")).status).toBe(200);
    command.child.kill("SIGINT");
    expect((await command.ended()).code).toBe(130);
  });

  test("are read without the directory, sending takes it, by GET as well", async () => {
    const locked = lockFile(join(branch.dir, "branch.lock"), "daemon 4711");
    if (!("lock" in locked)) throw new Error(`The directory is held by ${locked.heldBy}`);
    try {
      expect(await local("tasks.state", crypto.randomUUID()).ended()).toMatchObject({ code: 0, stdout: "PENDING\n" });
      expect(await local("tasks.send", "t2", "http://m/").ended()).toMatchObject({
        code: 3,
        stdout: "",
        stderr: expect.stringContaining("pid 4711"),
      });
    } finally {
      locked.lock.release();
    }
  });
});

describe("sending with -n while the broker is away", () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "cyme-local-tasks-"));
    for (const command of ["apps.add shop", "queues.add t2"]) {
      expect((await start(dir, AWAY, "-n", ...command.split(" ")).ended()).code).toBe(0);
    }
  });
  afterAll(() => rm(dir, { recursive: true }));

  const uuid = crypto.randomUUID();
  const send = (...args: string[]) => start(dir, AWAY, "-n", "tasks.send", "t2", "http://m/", "--uuid", uuid, ...args);

  test("ends by the deadline of the command with exit code 4, and says what was not sent", async () => {
    const startMs = performance.now();
    const { code, stderr } = await send("--timeout", "0.3").ended();
    expect([code, stderr]).toEqual([4, expect.stringContaining(uuid)]);
    expect(stderr).toContain("not sent");
    expect(performance.now() - startMs).toBeLessThan(10_000);
  });

  test("ends by Ctrl-C, and says what was not sent", async () => {
    const command = send("--timeout", "3600");
    await until(() => command.stderr().includes("Ctrl-C"), { what: "the command to say that it is not done" });
    command.child.kill("SIGINT");
    const { code, stderr } = await command.ended();
    expect([code, stderr]).toEqual([130, expect.stringContaining(uuid)]);
  });
});

describe("what URL tasks may reach", () => {
  const ALLOW = [{ host: "*.example.com" }];
  let branch: Branch;
  const policyFile = () => join(branch.dir, "branch.python", "policy.json");
  const policy = async () => JSON.parse(await readFile(policyFile(), "utf8")) as { allow: unknown; own: unknown };
  const local = (...args: string[]) => start(branch.dir, AWAY, ...args).ended();

  beforeEach(async () => {
    branch = await startBranch({ broker: AWAY, args: ["--webhook-allow", "*.example.com"] });
    await branch.stop();
  });
  afterEach(() => branch[Symbol.asyncDispose]());

  test("is what the last daemon said, also where the file is damaged or gone", async () => {
    const before = await policy();
    expect(before).toMatchObject({ allow: ALLOW, own: [{ host: "127.0.0.1" }] });
    await local("-n", "apps.add", "a");
    expect(await policy()).toEqual(before);
    await writeFile(policyFile(), '{"allow": null');
    await local("-n", "apps.add", "b");
    expect((await policy()).allow).toEqual(ALLOW);
    await rm(policyFile());
    await local("-n", "apps.add", "c");
    expect((await policy()).allow).toEqual(ALLOW);
  });

  test("is not touched by reading", async () => {
    await writeFile(policyFile(), "damaged");
    expect((await local("apps")).code).toBe(0);
    expect(await readFile(policyFile(), "utf8")).toBe("damaged");
  });

  test("stays unsaid where a daemon ran that did not remember it", async () => {
    const database = new Database(join(branch.dir, "branch.db"));
    database.run("DELETE FROM settings WHERE key = 'webhook_allow'");
    database.close();
    await rm(policyFile());
    expect((await local("-n", "apps.add", "a")).code).toBe(0);
    expect(await Bun.file(policyFile()).exists()).toBe(false);
  });

  test("is written before the daemon listens, and again where the system chooses its port", async () => {
    const dir = await mkdtemp(join(tmpdir(), "cyme-own-"));
    const own = async () => ((await Bun.file(join(dir, "branch.python", "policy.json")).json()) as { own: Own[] }).own;
    const daemon = (port: number) =>
      Bun.spawn([BINARY, "branch", `127.0.0.1:${port}`, "-D", dir], { env: environment(AWAY), stderr: "ignore" });
    using taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    expect(await daemon(taken.port).exited).toBe(4);
    expect(await own()).toEqual([{ host: "127.0.0.1", port: taken.port }]);
    const running = daemon(0);
    const port = await until(async () => (await own()).find((one) => one.port !== taken.port)?.port, {
      what: "its port",
    });
    expect((await fetch(`http://127.0.0.1:${port}/ping/`)).status).toBe(200);
    running.kill("SIGTERM");
    expect(await running.exited).toBe(0);
    await rm(dir, { recursive: true });
  });

  test("is everything where no daemon ever ran", async () => {
    const dir = await mkdtemp(join(tmpdir(), "cyme-local-policy-"));
    const { code } = await run([BINARY, "-L", "-D", dir, "-n", "apps.add", "shop"], environment(AWAY));
    expect(code).toBe(0);
    expect(await Bun.file(join(dir, "branch.python", "policy.json")).json()).toMatchObject({ allow: null, own: [] });
    await rm(dir, { recursive: true });
  });
});
