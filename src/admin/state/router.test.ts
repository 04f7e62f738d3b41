import { describe, expect, test } from "bun:test";
import { href, parseHash } from "./router.ts";

describe("addresses", () => {
  test("a place that href() gives is read as it was meant", () => {
    const { path, query } = parseHash(href("queues", "a/b c", { state: "running,backoff", q: "x&y=1?" }));
    expect(path).toEqual(["queues", "a/b c"]);
    expect([...query]).toEqual([
      ["state", "running,backoff"],
      ["q", "x&y=1?"],
    ]);
  });

  test.each(["", "#", "#/", "/"])("%p is the overview", (hash) => expect(parseHash(hash).path).toEqual([]));

  test("a broken percent sign is no reason to show nothing", () => {
    expect(parseHash("#/instances/50%").path).toEqual(["instances", "50%"]);
  });
});
