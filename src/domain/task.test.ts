import { describe, expect, test } from "bun:test";
import { parseTarget, queryOf, replaces, taskId, withoutUserinfo } from "./task.ts";

describe("the URL of a URL task", () => {
  test.each([
    "http://m/import_user?user=133",
    "https://user:pa%2Fss@m:8080//a//b/%2F%zz;x=1?",
    "http://[::1]:80/x#part",
    "HTTP://M/..;/.?a=b&a=c",
  ])("%s is left as it is", (url) => expect(parseTarget(url)).toBe(url));

  test.each([
    ["http://m/a b", "http://m/a%20b"],
    ["http://m/ü?ß", "http://m/%C3%BC?%C3%9F"],
    ['http://m/"<>^`{|}\\', "http://m/%22%3C%3E%5E%60%7B%7C%7D%5C"],
    ["http://m/💥", "http://m/%F0%9F%92%A5"],
    ["http://m/\ud800", "http://m/%EF%BF%BD"],
  ])("of %s what no request may hold is written in percent signs", (given, url) =>
    expect(parseTarget(given)).toBe(url),
  );

  test.each([
    "",
    "m/x",
    "ftp://m/",
    "http:/m",
    "http://",
    "http://m:99999/",
    "http://[::1/",
    "http://m/\r\nHost: x",
    "javascript:x",
  ])("%j is refused", (given) => expect(() => parseTarget(given)).toThrow("Cannot use url"));

  test("one whose slashes were joined on its way is refused with how to send it", () => {
    expect(() => parseTarget("http:/m/x")).toThrow(/http%3A%2F%2Fhost%2Fpath, got "http:\/m\/x"$/);
    expect(() => parseTarget("https:/u:secret@m/")).toThrow(/^(?!.*secret).*%2F%2F/);
  });

  test("a refusal shows no password", () => {
    for (const url of ["http://u:secret@m:99999/", "http:u:secret@m/"]) {
      expect(() => parseTarget(url)).toThrow(/^(?!.*secret)/);
    }
  });

  test("beyond 16,384 characters it is refused without being shown", () => {
    expect(() => parseTarget(`http://m/${"x".repeat(40_000)}`)).toThrow("at most 16384 characters");
  });
});

test("query parameters are taken apart, a repeated one into a list", () => {
  expect(queryOf("http://m/x?a=1&b=%C3%BC&a=2&c#d?e=f")).toEqual({ a: ["1", "2"], b: "ü", c: "" });
  expect(queryOf("http://m/x")).toEqual({});
  expect(queryOf("http://m/x?__proto__=1&constructor=2")).toMatchObject({ constructor: "2" });
});

test("user and password are left out for people", () => {
  expect(withoutUserinfo("https://u:p@m/a@b")).toBe("https://m/a@b");
  expect(withoutUserinfo("http://m/?q=a@b")).toBe("http://m/?q=a@b");
});

test("an id is a UUID in lower case", () => {
  expect(taskId("uuid", "1F0C1A52-6A4E-4C2C-9D8E-0D6A4F1F7A10")).toBe("1f0c1a52-6a4e-4c2c-9d8e-0d6a4f1f7a10");
  for (const wrong of ["", "1", "1f0c1a526a4e4c2c9d8e0d6a4f1f7a10", "1f0c1a52-6a4e-4c2c-9d8e-0d6a4f1f7a10\n"]) {
    expect(() => taskId("uuid", wrong)).toThrow("Cannot use uuid: wanted a UUID");
  }
});

test.each([
  ["PENDING", "STARTED", true],
  ["STARTED", "RETRY", true],
  ["RETRY", "STARTED", true],
  ["STARTED", "PROGRESS", true],
  ["FAILURE", "STARTED", false],
  ["FAILURE", "REVOKED", false],
  ["FAILURE", "SUCCESS", true],
  ["REVOKED", "SUCCESS", true],
  ["SUCCESS", "FAILURE", false],
  ["SUCCESS", "SUCCESS", false],
])("after %s the report %s counts: %p", (known, reported, counts) => expect(replaces(known, reported)).toBe(counts));
