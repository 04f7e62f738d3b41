import { describe, expect, test } from "bun:test";
import { encodeTask, type TaskMessage } from "./task-message.ts";

const MESSAGE: TaskMessage = {
  id: "b503e202-4b5f-4d4e-9d5d-2f7a1d3c8f11",
  task: "tasks.add",
  args: [2, 3],
  kwargs: {},
  argsRepr: "(2, 3)",
  kwargsRepr: "{}",
};

const encode = (parts: Partial<TaskMessage> = {}) => encodeTask({ ...MESSAGE, ...parts }, "results");
const bodyOf = (parts: Partial<TaskMessage>) => new TextDecoder().decode(encode(parts).body);

describe("the message of a task", () => {
  test("has the body of protocol 2", () => {
    expect(bodyOf({})).toBe('[[2,3],{},{"callbacks":null,"errbacks":null,"chain":null,"chord":null}]');
  });

  test("is persistent JSON that says where the result goes, and does not expire in the queue", () => {
    const { headers, ...properties } = encode({ expires: "2026-11-21T17:37:14+00:00" }).properties;
    expect(properties).toEqual({
      contentType: "application/json",
      contentEncoding: "utf-8",
      deliveryMode: 2,
      correlationId: MESSAGE.id,
      replyTo: "results",
    });
    expect(headers?.["expires"]).toBe("2026-11-21T17:37:14+00:00");
  });

  test("has the headers of Python's client", () => {
    expect(encode().properties.headers).toEqual({
      lang: "py",
      task: "tasks.add",
      id: MESSAGE.id,
      shadow: null,
      eta: null,
      expires: null,
      group: null,
      group_index: null,
      retries: 0,
      timelimit: [null, null],
      root_id: MESSAGE.id,
      parent_id: null,
      argsrepr: "(2, 3)",
      kwargsrepr: "{}",
      origin: expect.stringMatching(/^cyme@./),
      ignore_result: false,
    });
  });

  test("has a priority where one is given, zero too", () => {
    expect(encode({ priority: 0 }).properties.priority).toBe(0);
    expect("priority" in encode().properties).toBe(false);
  });

  test("carries headers of the caller, which cannot replace those of Celery", () => {
    const { headers } = encode({ headers: { tenant: "a", id: "forged" } }).properties;
    expect([headers?.["tenant"], headers?.["id"]]).toEqual(["a", MESSAGE.id]);
  });

  test("has texts for people of at most 1024 bytes, cut between characters", () => {
    const { headers } = encode({ argsRepr: "é".repeat(2000), kwargsRepr: `x${"é".repeat(2000)}` }).properties;
    expect([headers?.["argsrepr"], headers?.["kwargsrepr"]]).toEqual(["é".repeat(512), `x${"é".repeat(511)}`]);
  });

  test.each([
    ["half of a character", ["\ud83d!"], '"\ufffd!"'],
    ["the other half", ["!\ude00"], '"!\ufffd"'],
    ["a whole one", ["😀"], '"😀"'],
    ["a backslash before the letters of one", ["\\ud83d"], '"\\\\ud83d"'],
    ["an escape and half a character", ['"\n\\\ud83d'], '"\\"\\n\\\\\ufffd"'],
  ])("says %s in a way that Python can write again", (_, args, said) => {
    expect(bodyOf({ args })).toStartWith(`[[${said}],`);
  });

  test("has no number that JSON has not", () => {
    expect(bodyOf({ args: [Number.NaN, Number.POSITIVE_INFINITY] })).toStartWith("[[null,null],");
  });
});
