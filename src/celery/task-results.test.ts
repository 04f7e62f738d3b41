import { describe, expect, test } from "bun:test";
import { parseReport } from "./task-results.ts";

const report = (status: string, result: unknown) =>
  parseReport(JSON.stringify({ task_id: "1", status, result, traceback: null, children: [] }));

const failure = (exc_message: unknown) =>
  report("FAILURE", { exc_type: "ValueError", exc_message, exc_module: "builtins" })?.error;

describe("a report of a worker", () => {
  test("of success has the result as it was sent", () => {
    expect(report("SUCCESS", { a: [1, null] })).toEqual({
      id: "1",
      state: "SUCCESS",
      result: { a: [1, null] },
      error: null,
    });
  });

  test("may hold numbers that JSON has not", () => {
    expect(parseReport('{"task_id": "1", "status": "SUCCESS", "result": [NaN, -Infinity, "NaN"]}')?.result).toEqual([
      null,
      null,
      "NaN",
    ]);
  });

  test.each(["STARTED", "RECEIVED", "PROGRESS"])("of %s has no result", (state) => {
    expect(report(state, { pid: 1, hostname: "w" })).toEqual({ id: "1", state, result: null, error: null });
  });

  test.each(["FAILURE", "REVOKED", "RETRY"])("of %s has type and message of the exception", (state) => {
    expect(report(state, { exc_type: "OSError", exc_message: ["no"], exc_module: "builtins" })).toEqual({
      id: "1",
      state,
      result: null,
      error: { type: "OSError", message: "no" },
    });
  });

  test.each([
    ["one text", "as it is", "as it is"],
    ["a list of one", ["xx"], "xx"],
    ["a list of several", ["a", 1, { b: 2 }, null], 'a, 1, {"b":2}, null'],
    ["an empty list", [], ""],
    ["nothing", null, ""],
    ["a number", 3, "3"],
  ])("tells of an exception whose message is %s", (_, given, message) => {
    expect(failure(given)).toEqual({ type: "ValueError", message });
  });

  test.each([
    ["nothing", null, ""],
    ["a text", "expired", "expired"],
    ["an object without a type", { why: 1 }, '{"why":1}'],
  ])("of failure that holds %s still has an error", (_, result, message) => {
    expect(report("FAILURE", result)?.error).toEqual({ type: "FAILURE", message });
  });

  test.each(["", "x", "3", "null", "[]", "{}", '{"task_id": 1, "status": "SUCCESS"}', '{"task_id": "1"}', "[["])(
    "is not %p",
    (body) => expect(parseReport(body)).toBeUndefined(),
  );
});
