import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { celeries, inspect, sendTask } from "./celery.ts";
import { alive, processesOf, session } from "./processes.ts";
import { freshVhost, startRabbit, type Rabbit } from "./rabbit.ts";
import { until } from "./wait.ts";

describe("until()", () => {
  test("gives the first value that is neither false nor missing", async () => {
    const answers = [false, undefined, null, 0];
    expect(await until(() => answers.shift(), { what: "an answer" })).toBe(0);
  });

  test("says what it waited for and what it saw last", async () => {
    const wait = until(() => false, { what: "the moon", timeoutMs: 1 });
    expect(wait).rejects.toThrow("Waited 1 ms for the moon; seen last: false");
  });

  test("takes an error for not yet, and shows it when time is over", async () => {
    const wait = until(() => Promise.reject(new Error("still dark")), { what: "light", timeoutMs: 1 });
    expect(wait).rejects.toThrow("seen last: still dark");
  });
});

describe("processesOf()", () => {
  test("finds a worker by its folder, and the pool child in its session which lost the variable", async () => {
    const dir = await mkdtemp(join(tmpdir(), "cyme-processes-"));
    const worker = Bun.spawn(["sh", "-c", "env -u CYME_WORKER sleep 300 & wait"], {
      env: { ...process.env, CYME_WORKER: `${dir}/web` },
      detached: true,
    });
    try {
      const found = await until(
        () => {
          const all = processesOf(dir);
          return all.some(({ command }) => command === "sleep 300") && all;
        },
        { what: "both processes" },
      );
      expect(found.map(({ pid }) => session(pid))).toEqual([worker.pid, worker.pid]);
      expect(processesOf(`${dir}-of-another`)).toEqual([]);
    } finally {
      process.kill(-worker.pid, "SIGKILL");
      await worker.exited;
      await rm(dir, { recursive: true });
    }
    expect(alive(worker.pid)).toBe(false);
  });
});

describe.each(celeries())("Celery $name", (celery) => {
  test("nobody answers inspect() on a virtual host without workers", async () => {
    await using vhost = await freshVhost();
    expect(await inspect(celery, vhost.url, "ping", { timeoutS: 0.2 })).toEqual({});
  }, 60_000);

  test("sendTask() sends once and rejects where no worker answers in time", async () => {
    await using vhost = await freshVhost();
    await using sent = await sendTask(celery, vhost.url, { task: "nobody.home", queue: "q" }, { timeoutMs: 100 });
    expect(sent.id).toMatch(/^[0-9a-f-]{36}$/);
    expect(sent.result).rejects.toThrow("TimeoutError");
    await sent.result.catch(() => undefined);
  }, 60_000);
});

describe("startRabbit()", () => {
  let rabbit: Rabbit;

  beforeAll(async () => {
    rabbit = await startRabbit();
  }, 120_000);

  afterAll(async () => {
    await rabbit[Symbol.asyncDispose]();
  });

  test("answers, and keeps its users over kill() and start()", async () => {
    const url = await rabbit.addUser("an@na", "p/w%", "v");
    expect(url).toBe(`amqp://an%40na:p%2Fw%25@127.0.0.1:${rabbit.port}/v`);
    await rabbit.kill();
    expect(await greeting(rabbit.port)).toBe("refused");
    await rabbit.start();
    // It takes connections a moment before it takes this.
    await rabbit.ctl("await_startup");
    expect(await rabbit.ctl("-q", "list_users")).toContain("an@na");
  }, 120_000);

  test("is silent while it is paused", async () => {
    rabbit.pause();
    expect(await greeting(rabbit.port, 300)).toBe("silent");
    rabbit.resume();
    expect(await greeting(rabbit.port)).toBe("answered");
  }, 60_000);
});

/** What a broker does when it is greeted in AMQP, within `timeoutMs`. */
function greeting(port: number, timeoutMs = 10_000): Promise<"answered" | "refused" | "silent"> {
  return new Promise((done) => {
    const socket = connect({ host: "127.0.0.1", port });
    const end = (outcome: "answered" | "refused" | "silent") => {
      socket.destroy();
      done(outcome);
    };
    socket.once("connect", () => socket.write(Buffer.from("AMQP\x00\x00\x09\x01", "latin1")));
    socket.once("data", () => end("answered"));
    socket.once("error", () => end("refused"));
    socket.setTimeout(timeoutMs, () => end("silent"));
  });
}
