import { describe, expect, test } from "bun:test";
import { CymeError } from "../domain/errors.ts";
import { ManualClock } from "../kit/clock.ts";
import { readBytes, readParams } from "./params.ts";

const KNOWN = ["a", "b", "timeout"];
const MAX_BODY = 1000;

type Body = string | Uint8Array<ArrayBuffer> | FormData | ReadableStream;

interface Sent {
  readonly method?: string;
  readonly query?: string;
  readonly type?: string | undefined;
  readonly body?: Body;
}

function read({ method = "POST", query = "", type, body }: Sent) {
  const headers = new Headers(type === undefined ? {} : { "content-type": type });
  const request = new Request(`http://h/x?${query}`, { method, headers, ...(body === undefined ? {} : { body }) });
  if (type === undefined && !(body instanceof FormData)) request.headers.delete("content-type");
  return readParams(request, query, KNOWN, MAX_BODY);
}

async function refused(sent: Sent): Promise<CymeError> {
  const outcome: unknown = await read(sent).catch((error: unknown) => error);
  if (outcome instanceof CymeError) return outcome;
  throw new Error(`a refusal was wanted, got ${JSON.stringify(outcome)}`);
}

const FORM = "application/x-www-form-urlencoded";
const JSON_TYPE = "application/json";

function multipart(...pairs: [string, string | Blob][]): FormData {
  const form = new FormData();
  for (const [name, value] of pairs) form.append(name, value);
  return form;
}

describe("parameters", () => {
  test.each<[string, Sent]>([
    ["the query", { query: "a=1&b=%C3%BC+x" }],
    ["the query of a GET", { method: "GET", query: "a=1&b=%C3%BC+x" }],
    ["a form", { type: FORM, body: "a=1&b=%C3%BC+x" }],
    ["a form with its charset", { type: `${FORM}; charset=UTF-8`, body: "a=1&b=%C3%BC+x" }],
    ["a multipart form", { body: multipart(["a", "1"], ["b", "ü x"]) }],
    ["JSON", { type: JSON_TYPE, body: '{"a":"1","b":"ü x"}' }],
    ["JSON with its charset", { type: "Application/JSON;charset=utf-8", body: '{"a":"1","b":"ü x"}' }],
    ["JSON without a type", { body: '{"a":"1","b":"ü x"}' }],
    ["query and body", { query: "a=1", type: JSON_TYPE, body: '{"b":"ü x"}' }],
  ])("are read from %s", async (_what, sent) => expect({ ...(await read(sent)) }).toEqual({ a: "1", b: "ü x" }));

  test("of the query win over those of the body", async () => {
    expect({ ...(await read({ query: "a=query", type: JSON_TYPE, body: '{"a":"body","b":2}' })) }).toEqual({
      a: "query",
      b: 2,
    });
  });

  test("that are empty count as not given in query and form, and as given in JSON", async () => {
    expect({ ...(await read({ query: "a=&b" })) }).toEqual({});
    expect({ ...(await read({ type: FORM, body: "a=&b=" })) }).toEqual({});
    expect({ ...(await read({ body: multipart(["a", ""]) })) }).toEqual({});
    expect({ ...(await read({ type: JSON_TYPE, body: '{"a":"","b":null}' })) }).toEqual({ a: "", b: null });
  });

  test("that are empty in the query do not hide those of the body", async () => {
    expect({ ...(await read({ query: "a=", type: JSON_TYPE, body: '{"a":1}' })) }).toEqual({ a: 1 });
  });

  test("are none where nothing is sent", async () => {
    expect({ ...(await read({})) }).toEqual({});
    expect({ ...(await read({ type: JSON_TYPE, body: "" })) }).toEqual({});
    expect({ ...(await read({ method: "DELETE" })) }).toEqual({});
  });

  test("of a GET are not read from a body", async () => {
    const request = new Request("http://h/", { method: "POST", body: '{"b":1}' });
    const get = new Proxy(request, { get: (target, key) => (key === "method" ? "GET" : Reflect.get(target, key)) });
    expect({ ...(await readParams(get, "a=1", KNOWN, MAX_BODY)) }).toEqual({ a: "1" });
  });

  test("have no names that every object has", async () => {
    const params = await read({ query: "a=1" });
    expect([params["toString"], params["constructor"]]).toEqual([undefined, undefined]);
  });
});

describe("refused are", () => {
  test.each<[string, Sent]>([
    ["unknown names in the query", { query: "c=1" }],
    ["unknown names without a value", { query: "c=" }],
    ["unknown names in a form", { type: FORM, body: "c=1" }],
    ["unknown names in JSON", { type: JSON_TYPE, body: '{"c":1}' }],
    ["names that every object has", { type: JSON_TYPE, body: '{"__proto__":{"a":1}}' }],
    ["toString", { query: "toString=1" }],
    ["names in another case", { query: "A=1" }],
    ["the same name twice in the query", { query: "a=1&a=1" }],
    ["the same name twice, once without a value", { query: "a=1&a=" }],
    ["the same name twice in a form", { type: FORM, body: "a=1&a=2" }],
    ["the same name twice in a multipart form", { body: multipart(["a", "1"], ["a", "2"]) }],
    ["a file", { body: multipart(["a", new Blob(["x"])]) }],
    ["half a JSON body", { type: JSON_TYPE, body: '{"a":' }],
    ["a JSON list", { type: JSON_TYPE, body: "[1]" }],
    ["a JSON text", { type: JSON_TYPE, body: '"a"' }],
    ["JSON null", { type: JSON_TYPE, body: "null" }],
    ["a form that says it is JSON", { type: JSON_TYPE, body: "a=1" }],
    ["a form that says nothing", { body: "a=1" }],
    ["a multipart form without its boundary", { type: "multipart/form-data", body: "a=1" }],
    ["other types", { type: "text/plain", body: "a=1" }],
    ["bytes that are no UTF-8", { type: JSON_TYPE, body: new Uint8Array([0x7b, 0xff, 0x7d]) }],
    ["a form in bytes that are no UTF-8", { type: FORM, body: new Uint8Array([0x61, 0x3d, 0xff]) }],
  ])("%s", async (_what, sent) => expect((await refused(sent)).code).toBe("invalid"));

  test("unknown ones by their name, with those that there are", async () => {
    expect((await refused({ query: "c=hush" })).message).toBe('Unknown parameter "c": wanted one of a, b, timeout');
  });

  test("repeated ones by their name, and not with what they hold", async () => {
    const { message } = await refused({ query: "a=hush&a=hush" });
    expect(message).toContain('parameter "a"');
    expect(message).not.toContain("hush");
  });

  test.each<[string, Body]>([
    ["of known length", "x".repeat(MAX_BODY + 1)],
    ["of unknown length", new Blob(["x".repeat(MAX_BODY), "x"]).stream()],
  ])("bodies that are too large, %s", async (_what, body) => {
    const error = await refused({ type: JSON_TYPE, body });
    expect([error.code, error.facts]).toEqual(["too-large", { max_body: MAX_BODY }]);
  });

  test("none that is as large as it may be", async () => {
    const body = JSON.stringify({ a: "x".repeat(MAX_BODY - 8) });
    expect(body).toHaveLength(MAX_BODY);
    expect((await read({ type: JSON_TYPE, body }))["a"]).toHaveLength(MAX_BODY - 8);
  });
});

describe("readBytes()", () => {
  /** A body of which the test sends the parts. */
  function slowly() {
    let send!: ReadableStreamDefaultController<Uint8Array>;
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({ start: (controller) => void (send = controller) });
    const clock = new ManualClock();
    const reading = readBytes({ headers: new Headers(), body }, 1_000_000, clock);
    const outcome = reading.then(
      (bytes) => bytes.length,
      (error: unknown) => error,
    );
    return { clock, outcome, send: (bytes: number) => send.enqueue(new Uint8Array(bytes)), close: () => send.close() };
  }

  test("ends a body that trickles in", async () => {
    const { clock, outcome, send } = slowly();
    for (let s = 0; s < 59; s++) {
      send(1);
      await clock.advance(1000);
    }
    await clock.advance(1000);
    expect(await outcome).toMatchObject({ code: "timeout", facts: { stored: false } });
  });

  test("lets a large body take its time", async () => {
    const { clock, outcome, send, close } = slowly();
    for (let part = 0; part < 5; part++) {
      send(70_000);
      await clock.advance(50_000);
    }
    close();
    expect(await outcome).toBe(350_000);
  });
});
