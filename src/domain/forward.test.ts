import { describe, expect, test } from "bun:test";
import { bytesOf, parseForwardedAnswer, parseForwardedRequest, toForwardedBody } from "./forward.ts";

const bytes = (...values: number[]) => Uint8Array.from(values);

describe("the body of a forwarded request", () => {
  test.each([
    ["text", new TextEncoder().encode('{"name":"wëb"}'), { text: '{"name":"wëb"}' }],
    ["text with a mark at its beginning", bytes(0xef, 0xbb, 0xbf, 0x41), { text: "\uFEFFA" }],
    ["nothing", bytes(), { text: "" }],
    ["what is no text", bytes(0xff, 0x00), { base64: "/wA=" }],
    ["what JSON writes with many more bytes", new TextEncoder().encode('\\"\\"'), { base64: "XCJcIg==" }],
    ["the same among as much as pays for it", new TextEncoder().encode('"abc"d'), { text: '"abc"d' }],
    ["control characters", bytes(0x41, 0x01, 0x41), { base64: "QQFB" }],
  ])("comes out as it went in: %s", (_, given, body) => {
    expect(toForwardedBody(given)).toEqual(body);
    expect(bytesOf(toForwardedBody(given))).toEqual(Uint8Array.from(given));
  });
});

describe("parseForwardedRequest()", () => {
  const request = { method: "PUT", path: "/shop/?a=1", headers: { a: "b" }, body: { text: "x" }, mayAdd: true };

  test("takes what was made to be forwarded, also with fields of a later version", () => {
    expect(parseForwardedRequest({ ...request, later: 1 })).toEqual(request);
    expect(parseForwardedRequest({ method: "GET", path: "/", headers: {} })).toEqual({
      method: "GET",
      path: "/",
      headers: {},
      body: null,
      mayAdd: false,
    });
  });

  test.each([
    ["null", null],
    ["a list", []],
    ["one without a method", { ...request, method: undefined }],
    ["one with a whole URL", { ...request, path: "http://elsewhere/" }],
    ["one without headers", { ...request, headers: null }],
    ["one with a body of no kind", { ...request, body: { bytes: [] } }],
  ])("refuses %s", (_, given) => expect(() => parseForwardedRequest(given)).toThrow(TypeError));

  test("lets nothing be added unless that is said with true", () => {
    expect(parseForwardedRequest({ ...request, mayAdd: "yes" }).mayAdd).toBe(false);
  });
});

describe("parseForwardedAnswer()", () => {
  const answer = { status: 201, headers: { a: "b" }, body: { text: "{}" } };

  test("takes an answer", () => expect(parseForwardedAnswer(answer)).toEqual(answer));

  test.each([
    ["no status", { ...answer, status: undefined }],
    ["a status that is none", { ...answer, status: 1000 }],
    ["no body", { ...answer, body: null }],
  ])("refuses one with %s", (_, given) => expect(() => parseForwardedAnswer(given)).toThrow(TypeError));

  test("leaves out headers that are no text", () => {
    expect(parseForwardedAnswer({ ...answer, headers: { a: 1, b: "c" } }).headers).toEqual({ b: "c" });
  });
});
