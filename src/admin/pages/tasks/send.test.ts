import { describe, expect, test } from "bun:test";
import { targetOf } from "./send.ts";

describe("targetOf()", () => {
  test("is the URL without the blanks around it", () => {
    expect(targetOf(" HTTPS://host/path?q=1 ")).toBe("HTTPS://host/path?q=1");
  });

  test.each(["127.0.0.1:8801/ping", "http:///ping", "ftp://host/", ""])("says of %p what is wanted", (typed) => {
    expect(() => targetOf(typed)).toThrow(`begins with http:// or https://, got "${typed}"`);
  });
});
