import { describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LogFile } from "./log-file.ts";
import { formatLine } from "./log-line.ts";
import { createLog, LOG_LEVELS, silentLog, type Fields, type LogLevel } from "./log.ts";

const line = (message: string, fields: Fields = {}, level: LogLevel = "INFO") =>
  formatLine(new Date(0), level, message, fields);

describe("formatLine()", () => {
  test("says when, how grave, what, and what varies", () => {
    expect(line("started", { pid: 7, name: "web", ok: true, none: null, list: [1, "a"] })).toBe(
      '1970-01-01T00:00:00.000Z INFO started pid=7 name=web ok=true none=null list="[1,\\"a\\"]"\n',
    );
  });

  test("leaves out what is undefined", () => {
    expect(line("x", { a: undefined, b: 1 })).toBe("1970-01-01T00:00:00.000Z INFO x b=1\n");
  });

  test.each(["a b", 'a"b', "a=b", "a\nb", "a\r\n2026-01-01 ERROR forged", ""])(
    "quotes the value %j, so that it stays one value on one line",
    (value) => {
      expect(line("x", { value })).toBe(`1970-01-01T00:00:00.000Z INFO x value=${JSON.stringify(value)}\n`);
    },
  );

  test("keeps a message on one line", () => {
    expect(line("a\r\nb\n\nc")).toBe("1970-01-01T00:00:00.000Z INFO a b c\n");
  });

  test("tells an error's message, and its stack where it is grave", () => {
    const error = new Error("went wrong");
    expect(line("x", { error }, "WARNING")).toBe('1970-01-01T00:00:00.000Z WARNING x error="went wrong"\n');
    expect(line("x", { error }, "ERROR")).toBe(`1970-01-01T00:00:00.000Z ERROR x error="went wrong"\n${error.stack}\n`);
  });

  test("tells what JSON cannot hold", () => {
    expect(line("x", { value: Symbol("s") })).toContain("value=Symbol(s)");
  });
});

describe("createLog()", () => {
  function logged(level: LogLevel, write: (log: ReturnType<typeof createLog>) => void) {
    const folder = mkdtempSync(join(tmpdir(), "cyme-log-"));
    const file = join(folder, "branch.log");
    try {
      write(createLog({ level, to: new LogFile(file) }));
      expect(statSync(file).mode & 0o777).toBe(0o600);
      return readFileSync(file, "utf8").split("\n").slice(0, -1);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  test.each(LOG_LEVELS.map((level, at) => [level, LOG_LEVELS.slice(at)] as const))(
    "at %s writes %j alone",
    (level, written) => {
      const lines = logged(level, (log) => {
        log.debug("m");
        log.info("m");
        log.warning("m");
        log.error("m");
        log.critical("m");
      });
      expect(lines.map((text) => text.split(" ")[1])).toEqual([...written]);
    },
  );

  test("adds the fields of with() to each line; those of the line win", () => {
    const lines = logged("INFO", (log) => log.with({ a: 1, b: 1 }).with({ b: 2, c: 2 }).info("m", { c: 3 }));
    expect(lines.map((text) => text.slice(25))).toEqual(["INFO m a=1 b=2 c=3"]);
  });

  test("writes each of many equal lines", () => {
    const lines = logged("INFO", (log) => {
      for (let n = 0; n < 50; n++) log.info("again");
    });
    expect(lines).toHaveLength(50);
  });

  test("goes on where lines cannot be written, and then says how many are lost", () => {
    let isFull = false;
    const written: string[] = [];
    const log = createLog({ level: "INFO", to: { write: (text) => !isFull && written.push(text) > 0 } });
    log.info("before");
    isFull = true;
    log.info("lost");
    log.info("lost too");
    isFull = false;
    log.info("after");
    log.info("and on");
    expect(written.map((text) => text.slice(25))).toEqual([
      "INFO before\n",
      "WARNING lines of this log are lost: they could not be written lines=2\n",
      "INFO after\n",
      "INFO and on\n",
    ]);
  });
});

test("the silent log is silent with any fields", () => {
  expect(() => silentLog.with({ a: 1 }).error("x")).not.toThrow();
});
