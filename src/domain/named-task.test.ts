import { describe, expect, test } from "bun:test";
import { parseNamedTask } from "./named-task.ts";

const parse = (params: Record<string, unknown>) => parseNamedTask("shop.tasks.add", params);

describe("a task of the user's app", () => {
  test("needs only its name", () => expect(parse({})).toEqual({ name: "shop.tasks.add", args: [], kwargs: {} }));

  test("takes values as JSON, or as the text of it, as forms have it", () => {
    const expected = { name: "shop.tasks.add", args: [1, ["a", null]], kwargs: { b: { c: 2.5 } }, priority: 9 };
    expect(parse({ args: [1, ["a", null]], kwargs: { b: { c: 2.5 } }, priority: 9 })).toEqual(expected);
    expect(parse({ args: '[1, ["a", null]]', kwargs: '{"b": {"c": 2.5}}', priority: "9" })).toEqual(expected);
  });

  test.each([
    ["2026-11-21T10:00:00Z", "2026-11-21T10:00:00.000000+00:00"],
    ["2026-11-21T10:00:00", "2026-11-21T10:00:00.000000+00:00"],
    ["2026-11-21 10:00", "2026-11-21T10:00:00.000000+00:00"],
    ["2026-11-21", "2026-11-21T00:00:00.000000+00:00"],
    ["2026-11-21T10:00:00.123456+02:00", "2026-11-21T08:00:00.123000+00:00"],
    ["2026-11-21T10:00:00-0330", "2026-11-21T13:30:00.000000+00:00"],
  ])("the moment %s is written as Celery reads it", (given, eta) => {
    expect(parse({ eta: given, expires: given })).toMatchObject({ eta, expires: eta });
  });

  test.each([
    [0, 0],
    [1.5, 1.5],
    ["60", 60],
    ["0.25", 0.25],
  ])("expires after %p seconds", (given, expires) => expect(parse({ expires: given })).toMatchObject({ expires }));

  test("headers of one's own go along", () => {
    expect(parse({ headers: { trace: "1" } })).toMatchObject({ headers: { trace: "1" } });
  });

  test("null is not given", () => {
    const none = { args: null, kwargs: null, eta: null, expires: null, priority: null, headers: null };
    expect(parse(none)).toEqual(parse({}));
  });

  test.each([
    ["args", 1],
    ["args", "x"],
    ["args", { a: 1 }],
    ["args", [2 ** 60]],
    ["args", JSON.parse("[".repeat(50) + "]".repeat(50))],
    ["kwargs", [1]],
    ["kwargs", { a: 2 ** 60 }],
    ["eta", 5],
    ["eta", "tomorrow"],
    ["eta", "2026-13-41"],
    ["eta", "2026-11-21T25:00:00Z"],
    ["expires", -1],
    ["expires", Number.NaN],
    ["expires", "soon"],
    ["expires", 1e12],
    ["priority", 256],
    ["priority", -1],
    ["priority", "high"],
    ["headers", "x"],
    ["headers", { id: "1" }],
    ["headers", { x: "y".repeat(3000) }],
    ["headers", { ["n".repeat(300)]: 1 }],
  ])("%s is refused (%#)", (name, value) => expect(() => parse({ [name]: value })).toThrow(`Cannot use ${name}`));

  test.each(["", "a b", "a\nb", "a/b", "x".repeat(256)])("the name %p is refused", (name) =>
    expect(() => parseNamedTask(name, {})).toThrow("Cannot use task name"),
  );
});
