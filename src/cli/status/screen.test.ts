import { describe, expect, test } from "bun:test";
import { painter } from "../paint.ts";
import type { JsonRecord } from "../record.ts";
import { statusScreen } from "./screen.ts";

const NOW = Date.parse("2026-11-22T08:00:00Z");
const ago = (seconds: number) => new Date(NOW - seconds * 1000).toISOString();
const plain = painter(() => false, {});

const shown = (status: JsonRecord, { columns = 80, rows = 24, paint = plain } = {}) =>
  statusScreen(status, { paint, columns, rows, nowMs: NOW });

const instance = (name: string, fields: JsonRecord = {}): JsonRecord => ({
  name,
  app: "shop",
  branch: "b1",
  state: "running",
  pid: 11,
  since: ago(600),
  restarts: 0,
  disabled_reason: null,
  why: null,
  ...fields,
});

const ok = { state: "ok", since: ago(3600) };
const STATUS = {
  branch: {
    id: "b1",
    url: "http://127.0.0.1:8000",
    version: "0.1.0",
    started_at: ago(3 * 3600 + 120),
    load_average: [0.5, 0.4, 0.3],
    disk_use: 43,
    instance_dir: "/var/lib/cyme",
    pid: 4711,
    running: true,
  },
  held: 0,
  health: {
    state: "ok",
    store: ok,
    bus: ok,
    supervisor: ok,
    http: ok,
    results: ok,
    brokers: { "amqp://h:5672//": ok },
  },
  instances: [instance("web"), instance("mail", { pid: 12 })],
  queues: [{ app: "shop", name: "t2", messages: 3, consumers: 2 }],
  branches: [{ id: "b2", is_up: true, url: "http://127.0.0.1:8001", version: "0.1.0", instances: 4, seen_at: ago(1) }],
} satisfies JsonRecord;

describe("the status on one screen", () => {
  test("is the branch, its health, instances, queues and other branches", () => {
    expect(shown(STATUS)).toBe(`\
Branch b1, version 0.1.0, up 3 h 2 min
  http://127.0.0.1:8000 · pid 4711 · load 0.5 0.4 0.3 · disk 43 % used
Health: ok

Instances: 2 running
NAME  APP   STATE    FOR     PID  RESTARTS
web   shop  running  10 min  11   0
mail  shop  running  10 min  12   0

Queues: 3 messages in 1 queue
NAME  APP   MESSAGES  CONSUMERS
t2    shop  3         2

Other branches: 1 up
BRANCH  IS  HEARD  INSTANCES  VERSION  URL
b2      up  now    4          0.1.0    http://127.0.0.1:8001
`);
  });

  test("says what is wrong and what to do, and has first what needs somebody", () => {
    const away = { state: "away", since: ago(120), why: "connection refused" };
    const status = {
      ...STATUS,
      held: 2,
      health: { ...STATUS.health, state: "degraded", bus: away, brokers: { "amqp://h:5672//": away } },
      instances: [
        instance("web"),
        instance("mail", {
          state: "disabled",
          pid: null,
          since: ago(60),
          restarts: 3,
          disabled_reason: "died 3 times in a minute",
        }),
        instance("off", { state: "disabled", pid: null }),
      ],
      queues: [
        { app: "shop", name: "t2", messages: 3, consumers: 2 },
        { app: "shop", name: "t3", messages: 120, consumers: 0 },
      ],
      branches: [{ id: "b2", is_up: false, url: null, version: null, instances: 4, seen_at: ago(720) }],
    };
    expect(shown(status, { rows: 40 })).toBe(`\
Branch b1, version 0.1.0, up 3 h 2 min
  http://127.0.0.1:8000 · pid 4711 · load 0.5 0.4 0.3 · disk 43 % used
Health: degraded
  ! Broker amqp://h:5672// is away for 2 min: connection refused
    Start it, or see whether it can be reached from here. Workers go on, and all
    is taken up once it is back.
  ! Branch b2 is away for 12 min; it has 4 instances
    Start it on its machine, where its workers may go on. If it is gone for
    good: cyme branches.forget b2
  ! Disabled, since it did not stay up: mail (died 3 times in a minute)
    Mend what cyme instances.log mail says, then: cyme instances.enable mail
  ! 120 messages that nobody consumes: t3
    To have an instance consume: cyme -a shop consumers.add web t3
Instances held stopped by shutdown-all: 2; cyme start-all starts them

Instances: 2 disabled, 1 running
NAME  APP   STATE     FOR     PID  RESTARTS  WHY
mail  shop  disabled  1 min   -    3         died 3 times in a minute
off   shop  disabled  10 min  -    0         -
web   shop  running   10 min  11   0         -

Queues: 123 messages in 2 queues
NAME  APP   MESSAGES  CONSUMERS
t3    shop  120       0
t2    shop  3         2

Other branches: 1 away
BRANCH  IS    HEARD       INSTANCES  VERSION  URL
b2      away  12 min ago  4          -        -
`);
  });

  test("folds what has no room, so that all is on the screen", () => {
    const many = {
      ...STATUS,
      instances: [
        ...Array.from({ length: 997 }, (_, at) => instance(`web${at}`)),
        instance("slow", { state: "unresponsive" }),
        instance("early", { state: "starting" }),
        instance("dying", { state: "backoff", why: "its worker died" }),
      ],
      queues: Array.from({ length: 50 }, (_, at) => ({ app: "shop", name: `q${at}`, messages: at, consumers: 1 })),
    };
    const screen = shown(many);
    expect(screen).toBe(`\
Branch b1, version 0.1.0, up 3 h 2 min
  http://127.0.0.1:8000 · pid 4711 · load 0.5 0.4 0.3 · disk 43 % used
Needs attention
  ! No answer from slow
    The branch restarts what stays silent. What a worker does:
    cyme instances.log slow

Instances: 1 unresponsive, 1 backoff, 1 starting, 997 running
NAME   APP   STATE         FOR     PID  RESTARTS  WHY
slow   shop  unresponsive  10 min  11   0         -
dying  shop  backoff       10 min  11   0         its worker died
early  shop  starting      10 min  11   0         -
web0   shop  running       10 min  11   0         -
… 996 more: 996 running

Queues: 1,225 messages in 50 queues
NAME  APP   MESSAGES  CONSUMERS
q49   shop  49        1
… 49 more: 49 queues with 1,176 messages

Other branches: 1 up
BRANCH  IS  HEARD  INSTANCES  VERSION  URL
b2      up  now    4          0.1.0    http://127.0.0.1:8001
`);
    expect(screen.split("\n").length - 1).toBeLessThan(24);
  });

  test("is all there is where it is no terminal", () => {
    const instances = Array.from({ length: 1000 }, (_, at) => instance(`${"web".repeat(40)}${at}`));
    const none = Number.POSITIVE_INFINITY;
    const screen = shown({ ...STATUS, instances }, { columns: none, rows: none });
    expect(screen.match(/^(web){40}\d+ +shop +running/gm)).toHaveLength(1000);
    expect(screen).not.toContain("…");
  });

  test.each([20, 40, 80])("has no line that is longer than %d columns", (columns) => {
    const names = [
      instance("n".repeat(128)),
      instance("工作".repeat(20), { state: "disabled", disabled_reason: "died" }),
    ];
    const lines = shown({ ...STATUS, instances: names }, { columns, rows: 60 }).split("\n");
    expect(lines.filter((line) => Bun.stringWidth(line) > columns)).toEqual([]);
  });

  test("says that no daemon runs, and not what a daemon would do", () => {
    const branch = {
      id: "b1",
      instance_dir: "/var/lib/cyme",
      running: false,
      pid: null,
      disk_use: 3,
      load_average: [0],
    };
    const status = {
      ...STATUS,
      branch,
      health: { state: "degraded", bus: { state: "off" } },
      branches: [],
      queues: [],
    };
    expect(shown(status)).toStartWith(`\
Branch b1
  load 0 · disk 3 % used
Its daemon does not run: nobody starts workers that die. Start it: cyme branch …

Instances: 2 running
`);
  });

  test("lets nothing of what others wrote move the cursor", () => {
    const bad = "\u001B[2J\u202E\nHealth: ok";
    const screen = shown({
      branch: { id: bad, version: bad, url: bad, instance_dir: bad, running: true, disk_use: 99 },
      health: { state: bad, brokers: { [bad]: { state: "away", why: bad } } },
      instances: [instance(bad, { state: "disabled", disabled_reason: bad, why: bad })],
      queues: [{ app: bad, name: bad, messages: 1, consumers: 0 }],
      branches: [{ id: bad, is_up: false, url: bad, version: bad }],
    });
    for (const char of ["\u001B", "\u202E"]) expect(screen).not.toContain(char);
    expect(screen).not.toMatch(/^Health: ok/m);
  });

  test("leaves out what an older branch does not send", () => {
    expect(shown({})).toBe("No instances.\n");
    const older = { branch: { id: "b1", running: true }, held: 0, instances: [instance("web")] };
    expect(shown(older)).toStartWith("Branch b1\n  no HTTP\n\nInstances: 1 running\n");
  });

  test("has its colours by what they mean", () => {
    const coloured = shown(STATUS, { paint: painter(() => true, {}) });
    expect(coloured).toContain("Health: \u001B[32mok\u001B[39m");
    expect(coloured).toContain("\u001B[32mrunning\u001B[39m");
  });
});
