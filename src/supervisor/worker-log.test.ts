import { describe, expect, test } from "bun:test";
import { truncateSync, writeFileSync } from "node:fs";
import { brokerOf, scratchFolder } from "../store/test-support.ts";
import { logSize, logTail, saysItIsEnding, tellingLine } from "./worker-log.ts";

/** User me, password hush. */
const broker = brokerOf("/");

function logOf(text: string) {
  const folder = scratchFolder();
  const file = folder.file("worker.log");
  writeFileSync(file, text);
  return { file, [Symbol.dispose]: () => folder[Symbol.dispose]() };
}

describe("a worker is ending", () => {
  const begins =
    " -------------- web@b1 v5.2.6 (dawn-chorus)\n[2026-11-22 02:13:05,223: INFO/MainProcess] web@b1 ready.\n";
  const ends = "\nworker: Warm shutdown (MainProcess)\n";

  test.each<[string, string, boolean]>([
    ["where it says so after it began", begins + ends, true],
    ["where another one did, before it began", ends + begins, false],
    ["where both did", begins + ends + begins + ends, true],
    ["where it says nothing of it", begins, false],
    ["where nobody knows which one said so", `${ends}a task's line\n`, false],
    ["where it has not said anything", "", false],
    ["where a line only quotes it", `${begins}[x: WARNING/MainProcess] worker: Warm shutdown (MainProcess)\n`, false],
    ["where a line goes on after it", `${begins}worker: Warm shutdown (MainProcess) was seen\n`, false],
    ["where a task says afterwards that something is ready", `${begins}${ends}the report is ready.\n`, true],
  ])("%s: as its log says", (_what, text, isSo) => {
    using log = logOf(text);
    expect(saysItIsEnding(log.file, 0)).toBe(isSo);
  });

  test("where its beginning was seen, and it says so after that", () => {
    using log = logOf(begins + ends);
    const from = logSize(log.file);
    expect(saysItIsEnding(log.file, from)).toBe(false);
    writeFileSync(log.file, `a task's line${ends}`, { flag: "a" });
    expect(saysItIsEnding(log.file, from)).toBe(true);
  });

  test("not where there is no log", () => expect(saysItIsEnding("/nowhere/worker.log", 7)).toBe(false));
});

describe("the end of a worker's log", () => {
  test("is its last 20 lines, without the empty ones", () => {
    using log = logOf(Array.from({ length: 30 }, (_, n) => `line ${n}\r\n\n`).join(""));
    expect(logTail(log.file, 0, broker)).toEqual(Array.from({ length: 20 }, (_, n) => `line ${n + 10}`));
    expect(logTail(log.file, 0, broker, 2)).toEqual(["line 28", "line 29"]);
  });

  test("is what this worker wrote alone", () => {
    using log = logOf("of the one before\n");
    const from = logSize(log.file);
    writeFileSync(log.file, "of this one\n", { flag: "a" });
    expect(logTail(log.file, from, broker)).toEqual(["of this one"]);
  });

  test("begins anew where the log was cut short meanwhile", () => {
    using log = logOf("x".repeat(1000));
    const from = logSize(log.file);
    truncateSync(log.file, 0);
    writeFileSync(log.file, "new\n");
    expect(logTail(log.file, from, broker)).toEqual(["new"]);
  });

  test("is nothing where there is no log, or an empty one", () => {
    using log = logOf("");
    expect([logTail(log.file, 0, broker), logTail("/nowhere", 0, broker), logSize("/nowhere")]).toEqual([[], [], 0]);
  });

  test("is found in a log of any length", () => {
    using log = logOf(`${"long ".repeat(200_000)}\nend\n`);
    expect(logTail(log.file, 0, broker).at(-1)).toBe("end");
  });

  test("shows no password, however it is written", () => {
    const secret = { ...broker, password: "hush/%:me" };
    using log = logOf("amqp://me:hush/%:me@h\namqp://me:hush%2F%25%3Ame@h\nfine\n");
    expect(logTail(log.file, 0, secret)).toEqual(["amqp://me:**@h", "amqp://me:**@h", "fine"]);
  });

  test("shows no part of a password where a long log is cut in the middle of it", () => {
    const secret = { ...broker, password: "hush".repeat(20) };
    for (let rest = 0; rest <= 80; rest += 10) {
      using log = logOf(`${secret.password}${"x".repeat(16_384 - rest - 5)}\nend\n`);
      expect(logTail(log.file, 0, secret).filter((line) => line.includes("hush"))).toEqual([]);
    }
  });

  test("is nothing of one line that is too long", () => {
    using log = logOf("x".repeat(20_000));
    expect(logTail(log.file, 0, broker)).toEqual([]);
  });

  test("shows names as they are, where name and password are the same, or there is none", () => {
    using log = logOf("guest me\n");
    expect(logTail(log.file, 0, { ...broker, userid: "guest", password: "guest" })).toEqual(["guest me"]);
    expect(logTail(log.file, 0, { ...broker, password: "" })).toEqual(["guest me"]);
  });
});

describe("tellingLine()", () => {
  test("is the last line that sounds like trouble", () => {
    expect(tellingLine(["starting", "ImportError: a", "ValueError: b", "bye"])).toBe("ValueError: b");
    expect(tellingLine(["Usage: celery", "Error: No such option: --x", ""])).toBe("Error: No such option: --x");
  });
  test("is none where no line does", () => expect(tellingLine(["starting", "bye"])).toBeUndefined());
});
