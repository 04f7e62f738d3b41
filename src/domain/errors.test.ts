import { expect, test } from "bun:test";
import { CymeError, invalid, notFound, OUTCOMES, show, unavailable } from "./errors.ts";

test("codes have the documented status and exit code", () => {
  const rows = Object.entries(OUTCOMES).map(([code, { http, exit }]) => `${code} ${http} ${exit}`);
  expect(rows.toSorted()).toEqual([
    "conflict 409 3",
    "forbidden 403 5",
    "internal 500 1",
    "invalid 400 2",
    "method-not-allowed 405 2",
    "not-found 404 3",
    "not-implemented 501 2",
    "timeout 408 4",
    "too-large 413 2",
    "unauthorized 401 5",
    "unavailable 503 4",
    "worker-failed 502 4",
  ]);
});

test("what is invalid is named, with what was wanted and given", () => {
  const error = invalid("port", "a whole number", "x");
  expect(error.message).toBe('Cannot use port: wanted a whole number, got "x"');
  expect(error.facts).toEqual({ parameter: "port", wanted: "a whole number" });
});

test("a secret is left out by giving none", () => {
  expect(invalid("broker", "a URL").message).toBe("Cannot use broker: wanted a URL");
});

test("what is not found is a fact under its kind", () => {
  const error = notFound("queue", "t2");
  expect([error.code, error.message, error.facts]).toEqual(["not-found", 'Cannot find queue "t2"', { queue: "t2" }]);
});

test("what is away says when to try again", () => {
  expect(unavailable("the broker is away", { stored: true }).facts).toEqual({ stored: true, retry_after: 5 });
});

test("facts are added to those that there are, on an error of its own", () => {
  const error = new CymeError("conflict", "no", { a: 1, b: 1 });
  expect(error.withFacts({ b: 2, c: 3 })).toMatchObject({
    code: "conflict",
    message: "no",
    facts: { a: 1, b: 2, c: 3 },
  });
  expect(error.facts).toEqual({ a: 1, b: 1 });
});

test.each<[unknown, string]>([
  ["a", '"a"'],
  [1, "1"],
  [null, "null"],
  [undefined, "undefined"],
  [{ a: [1] }, '{"a":[1]}'],
  [10n, "10"],
])("show(%p) is %s", (given, shown) => expect(show(given)).toBe(shown));

test("show() leaves out user and password of a URL, also of one that is encoded", () => {
  expect(show("amqp://u:p@h/v")).toBe('"amqp://…@h/v"');
  expect(show("http%3A%2F%2Fu%3Ap%40h%2F")).toBe('"http://…@h%2F"');
});

test("show() cuts what is long and says how long it was", () => {
  expect(show("x".repeat(1000))).toBe(`"${"x".repeat(99)}… (1002 characters)`);
});

test("show() does not take longer than the text is long, whatever stands in it", () => {
  expect(show("://".repeat(1_000_000))).toEndWith("… (3000002 characters)");
});
