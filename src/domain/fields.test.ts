import { describe, expect, test } from "bun:test";
import { environment, flag, given, integer, list, object, seconds, text } from "./fields.ts";
import { refusal, words } from "./test-support.ts";

/** Rows of one column: `test.each` would spread a list. */
const each = (...values: unknown[]) => test.each(values.map((value) => [value]));

describe("text()", () => {
  test("is what was given; empty text and null are none", () => {
    expect([text("x", " a "), text("x", ""), text("x", null)]).toEqual([" a ", null, null]);
  });

  each(1, true, {}, ["a"])("refuses %p", (raw) => {
    expect(words(() => text("cwd", raw))).toBe(`Cannot use cwd: wanted text, got ${JSON.stringify(raw)}`);
  });

  test("refuses a NUL character, which no argument or variable can hold", () => {
    expect(words(() => text("x", "a\0b"))).toContain("without a NUL");
  });

  test("has a longest length, which is still taken", () => {
    expect(text("x", "ab", { maxLength: 2 })).toBe("ab");
    expect(words(() => text("x", "abc", { maxLength: 2 }))).toContain("at most 2 characters");
    expect(refusal(() => text("x", "a".repeat(16_385))).code).toBe("invalid");
  });

  each(
    "hush\0",
    "hush-hush",
    4711,
  )("never shows a secret (%p)", (raw) => {
    expect(words(() => text("password", raw, { secret: true, maxLength: 5 }))).not.toMatch(/hush|4711/);
  });
});

describe("integer()", () => {
  test.each<[unknown, number]>([
    [1, 1],
    [10, 10],
    ["7", 7],
    ["+7", 7],
    [" 7 ", 7],
    ["007", 7],
    [1e1, 10],
  ])("takes %p", (raw, value) => expect(integer("n", raw, 1, 10)).toBe(value));

  each(
    0,
    11,
    -1,
    1.5,
    "0",
    "11",
    "1.5",
    "1e1",
    "0x7",
    "",
    " ",
    "seven",
    "1 2",
    null,
    true,
    [7],
    {},
    Number.NaN,
  )("refuses %p", (raw) =>
    expect(words(() => integer("n", raw, 1, 10))).toContain("Cannot use n: wanted a whole number from 1 to 10"),
  );

  test("takes both ends of a range below zero", () => {
    expect([integer("n", "-2", -2, -1), integer("n", -1, -2, -1)]).toEqual([-2, -1]);
  });
});

describe("seconds()", () => {
  test.each<[unknown, number]>([
    [0, 0],
    [0.25, 0.25],
    ["0.25", 0.25],
    ["60", 60],
    [" 1 ", 1],
  ])("takes %p", (raw, value) => expect(seconds("t", raw, 0, 60)).toBe(value));

  each(
    -1,
    61,
    "60.5",
    "-1",
    "1e1",
    ".5",
    "1.",
    "soon",
    "",
    null,
    true,
    Number.NaN,
    Number.POSITIVE_INFINITY,
  )("refuses %p", (raw) => expect(words(() => seconds("t", raw, 0, 60))).toContain("a number of seconds from 0 to 60"));
});

describe("flag()", () => {
  each("1", "true", "yes", "on", "TRUE", " Yes ", 1, true)("%p is on", (raw) => expect(flag("f", raw)).toBe(true));
  each("0", "false", "no", "off", "OFF", 0, false)("%p is off", (raw) => expect(flag("f", raw)).toBe(false));
  each(
    "",
    "2",
    "maybe",
    "truefalse",
    2,
    -1,
    null,
    [],
    {},
  )("refuses %p", (raw) => expect(refusal(() => flag("f", raw)).code).toBe("invalid"));
});

describe("object()", () => {
  each({ a: 1 }, '{"a":1}', ' { "a" : 1 } ')("takes %p", (raw) => expect(object("o", raw)).toEqual({ a: 1 }));
  each(
    "",
    "{",
    "null",
    "[]",
    '"a"',
    "a=1",
    null,
    [],
    1,
    true,
  )("refuses %p", (raw) => expect(words(() => object("o", raw))).toContain("Cannot use o: wanted a JSON object"));
  test("never shows a secret", () => {
    expect(words(() => object("o", '{"p":"hush"', { secret: true }))).not.toContain("hush");
    expect(words(() => object("o", ["hush"], { secret: true }))).not.toContain("hush");
  });
});

describe("list()", () => {
  test.each<[unknown, string[]]>([
    [
      ["b", "a", "b"],
      ["b", "a"],
    ],
    ["b,a,b", ["b", "a"]],
    [" a , b ,", ["a", "b"]],
    ['["a","b"]', ["a", "b"]],
    ["", []],
    [",", []],
    [[], []],
    ["[]", []],
    ["a", ["a"]],
  ])("%j is %j: in order, each once", (raw, items) => expect(list("q", raw)).toEqual(items));

  each(
    1,
    null,
    {},
    [1],
    ["a", null],
    "[1]",
    '["a"',
    true,
  )("refuses %j", (raw) => expect(refusal(() => list("q", raw)).code).toBe("invalid"));
});

describe("environment()", () => {
  const reserved = ["CELERY_BROKER_URL"];

  test("takes an object of texts, as JSON too", () => {
    expect(environment("env", { A_1: "x", _b: "" }, reserved)).toEqual({ A_1: "x", _b: "" });
    expect(environment("env", '{"A":"ü=\\n"}', reserved)).toEqual({ A: "ü=\n" });
  });

  test.each(["1A", "A-B", "A=B", "", "A B", "Ä"])("refuses the name %p", (name) => {
    expect(words(() => environment("env", { [name]: "hush" }, reserved))).toContain("names of letters");
  });

  test("refuses a reserved name and says what to use", () => {
    expect(words(() => environment("env", { CELERY_BROKER_URL: "amqp://u:hush@h" }, reserved))).toBe(
      "Cannot use env: wanted no CELERY_BROKER_URL, which is set from the broker parameter",
    );
  });

  test.each<[string, unknown]>([
    ["a number", 4711],
    ["null", null],
    ["a NUL", "hush\0"],
    ["a value longer than the system takes", "hush".repeat(20_000)],
  ])("refuses %s as a value, and shows none", (_what, value) => {
    const said = words(() => environment("env", { KEY: value, OTHER: "hush" }, reserved));
    expect(said).toContain("KEY");
    expect(said).not.toMatch(/hush|4711/);
  });
});

describe("given()", () => {
  const shout = (_name: string, raw: unknown) => String(raw).toUpperCase();

  test("leaves out what was not given, so that a change holds what somebody gave", () => {
    expect(given({}, "a", "default", shout)).toEqual({});
  });
  test("turns null into the default, without parsing it", () => {
    expect(given({ a: null }, "a", "default", shout)).toEqual({ a: "default" });
  });
  test("parses what was given, also what counts as false", () => {
    expect([given({ a: "x" }, "a", "", shout), given({ a: 0 }, "a", "", shout)]).toEqual([{ a: "X" }, { a: "0" }]);
  });
});
