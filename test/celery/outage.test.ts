import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { AmqpControl } from "../../src/celery/control.ts";
import { ManualClock, systemClock } from "../../src/kit/clock.ts";
import { anyCelery } from "../harness/celery.ts";
import { startRabbit, type Rabbit } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";
import { reasonOf } from "./away.ts";
import { recordingLog } from "./recording-log.ts";
import { answering, startWorker } from "./worker.ts";

const PATIENT_MS = 20_000;
const NODE = "nobody@test";

let rabbit: Rabbit;

beforeAll(async () => {
  rabbit = await startRabbit();
}, 120_000);

afterAll(async () => {
  await rabbit[Symbol.asyncDispose]();
}, 60_000);

/** Remote control over a link that is up, and its log. */
async function connected(url = rabbit.url, clock = systemClock) {
  const lines: string[] = [];
  const options = { url, label: "the broker", connectionName: "cyme test", clock, log: recordingLog(lines) };
  const control = new AmqpControl(options);
  control.link.start();
  await until(() => control.link.state.is === "up", { what: "the link to be up" });
  return { control, lines, clock, [Symbol.asyncDispose]: () => control.link.stop(clock.now() + PATIENT_MS) };
}

async function becomes(control: AmqpControl, is: "up" | "away"): Promise<void> {
  await until(() => control.link.state.is === is, { what: `the link to be ${is}`, timeoutMs: 30_000 });
}

const openFiles = () => readdirSync("/proc/self/fd").length;

describe("a broker that stops and starts", () => {
  test("is used again without anybody's help, and so are its workers", async () => {
    await using all = await connected();
    const { control } = all;
    await using worker = await startWorker(anyCelery(), rabbit.url, "steady");
    await answering(control, worker);
    const reason = reasonOf(control.ask("ping", {}, [NODE], 60_000));
    await rabbit.stop();
    // The broker's goodbye is lost where the end of the connection overtakes it.
    expect(await reason).toMatch(/CONNECTION_FORCED|ECONNRESET|the connection was closed/);
    expect(control.link.state).toMatchObject({ is: "away", refused: false });
    await reasonOf(control.ask("ping", {}, [worker.node], 60_000));
    await rabbit.start();
    await becomes(control, "up");
    await answering(control, worker);
    expect(all.lines.filter((line) => line.includes("WARNING"))).toHaveLength(1);
  }, 120_000);

  test("is used again after it was killed, and no socket is left over", async () => {
    await using all = await connected();
    const before = openFiles();
    await rabbit.kill();
    await becomes(all.control, "away");
    await rabbit.start();
    await becomes(all.control, "up");
    expect((await all.control.ask("ping", {}, [NODE], 100)).silent).toEqual([NODE]);
    await until(() => openFiles() <= before, { what: `${before} open files, as before` });
  }, 120_000);
});

describe("a frozen broker", () => {
  test("is noticed although messages are sent all the time", async () => {
    const clock = new ManualClock();
    await using all = await connected(rabbit.url, clock);
    rabbit.pause();
    try {
      const casts: Promise<string>[] = [];
      for (let second = 0; second < 40 && all.control.link.state.is === "up"; second++) {
        casts.push(reasonOf(all.control.cast("ping", {}, [NODE])));
        await clock.advance(1_000);
      }
      expect(all.lines.join()).toContain("nothing was heard from the broker for 20 s");
      // Counted in looks, every five seconds.
      expect(await Promise.all(casts)).toHaveLength(25);
    } finally {
      rabbit.resume();
    }
  }, 30_000);

  test("makes a question fail, instead of calling workers silent", async () => {
    const clock = new ManualClock();
    await using all = await connected(rabbit.url, clock);
    rabbit.pause();
    try {
      const reason = reasonOf(all.control.ask("ping", {}, [NODE], 1_000));
      await clock.advance(1_000);
      expect(await reason).toBe("it did not take a message within 1 s");
    } finally {
      rabbit.resume();
    }
  }, 30_000);

  test("does not hold up a stop beyond its deadline", async () => {
    const all = await connected();
    rabbit.pause();
    try {
      const startMs = Date.now();
      await all.control.link.stop(startMs + 300);
      expect(Date.now() - startMs).toBeLessThan(10_000);
    } finally {
      rabbit.resume();
    }
  }, 30_000);
});

describe("a broker that is short of memory", () => {
  test("is away until it accepts messages again", async () => {
    await using all = await connected();
    const { control } = all;
    await rabbit.setShortOfMemory(true);
    try {
      // The broker tells it to those who publish.
      await reasonOf(control.ask("ping", {}, [NODE], 20_000));
      expect(control.link.state).toMatchObject({ reason: "it accepts no messages now: low on memory" });
    } finally {
      await rabbit.setShortOfMemory(false);
    }
    await becomes(control, "up");
    expect((await control.ask("ping", {}, [NODE], 100)).silent).toEqual([NODE]);
  }, 60_000);
});

describe("the queue for replies", () => {
  test("is made again when somebody deletes it", async () => {
    const url = await rabbit.addUser("deleter", "x", "replies");
    await using all = await connected(url);
    const { control } = all;
    const states: string[] = [];
    control.link.onState(({ is }) => states.push(is));
    const names = await rabbit.ctl("-q", "list_queues", "-p", "replies", "name", "--no-table-headers");
    const deleted = control.link.withChannel((channel) => channel.queueDelete(names.trim()));
    await deleted.catch(() => {}); // The connection may end before the answer is there.
    await until(() => states.includes("up"), { what: "a new connection", timeoutMs: 20_000 });
    expect(states).toEqual(["away", "up"]);
    expect((await control.ask("ping", {}, [NODE], 100)).silent).toEqual([NODE]);
  }, 60_000);
});

describe("logins", () => {
  const PASSWORD = "p@ss/w%rd: ?#ü";

  test("take a password, user and virtual host with every kind of character, and log none of it", async () => {
    const url = await rabbit.addUser("us/er@1", PASSWORD, "v/h%ost");
    await using all = await connected(url);
    expect((await all.control.ask("ping", {}, [NODE], 100)).silent).toEqual([NODE]);
    await rabbit.ctl("change_password", "us/er@1", "another");
    await rabbit.ctl("close_all_connections", "--vhost", "v/h%ost", "changed");
    await until(() => all.lines.some((line) => line.includes("refused=true")), {
      what: "the refusal",
      timeoutMs: 20_000,
    });
    expect(all.control.link.state).toMatchObject({ is: "away", refused: true });
    await expect(all.control.link.whenUp(60_000)).rejects.toMatchObject({ refused: true });
    const told = all.lines.join("") + JSON.stringify(all.control.link.state);
    for (const secret of [PASSWORD, encodeURIComponent(PASSWORD), "w%rd"]) expect(told).not.toContain(secret);
  }, 60_000);

  test("are refused where there is no such virtual host, and accepted once there is", async () => {
    const url = `${rabbit.url.replace(/\/\/$/, "")}/later`;
    const lines: string[] = [];
    const options = { url, label: "the broker", connectionName: "test", clock: systemClock, log: recordingLog(lines) };
    const control = new AmqpControl(options);
    control.link.start();
    await becomes(control, "away");
    expect(control.link.state).toMatchObject({ refused: true, reason: "NOT_ALLOWED - vhost later not found" });
    await rabbit.ctl("add_vhost", "later");
    await rabbit.ctl("set_permissions", "-p", "later", "guest", ".*", ".*", ".*");
    await becomes(control, "up");
    await control.link.stop(Date.now() + PATIENT_MS);
  }, 60_000);
});
