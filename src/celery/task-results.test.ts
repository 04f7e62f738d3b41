import { describe, expect, test } from "bun:test";
import { parseReport, unreadableReport } from "./task-results.ts";

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

  const nested = (depth: number) =>
    `{"task_id": "1", "status": "SUCCESS", "result": ${"[".repeat(depth)}${"]".repeat(depth)}}`;

  test("may nest as deep as Python writes it", () => {
    expect(JSON.stringify(parseReport(nested(999))?.result)).toBe("[".repeat(999) + "]".repeat(999));
  });

  test.each([1000, 60_000, 3_000_000])("is none with %p lists in each other", (depth) => {
    expect(parseReport(nested(depth))).toBeUndefined();
  });

  test.each([
    ["brackets in strings", "[".repeat(5000)],
    ["escaped quotes", '"[\\'.repeat(5000)],
    ["escapes before the closing quote", `${"[".repeat(5000)}\\`],
    ["many lists beside each other", Array.from({ length: 5000 }, () => [])],
  ])("is not too deep because of %s", (_, result) => {
    expect(report("SUCCESS", result)?.result).toEqual(result);
  });
});

describe("a report that cannot be read", () => {
  test.each([
    ["its beginning", '{"task_id": "a", "status": "SUCCESS", "result": [[', "b", "a"],
    ["what the message is about", "\u0080pickle", "b", "b"],
  ])("fails the task that is named by %s", (_, body, correlationId, id) => {
    expect(unreadableReport(body, correlationId)).toEqual({
      id,
      state: "FAILURE",
      result: null,
      error: { type: "UnreadableResult", message: expect.stringContaining("wanted JSON") },
    });
  });

  test("says nothing where nobody knows of which task it is", () => {
    expect(unreadableReport('{"task_id": 3}', undefined)).toBeUndefined();
    expect(unreadableReport('{"task_id": ""}', "")).toBeUndefined();
  });
});
