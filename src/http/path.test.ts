import { describe, expect, test } from "bun:test";
import { refusal } from "../domain/test-support.ts";
import { parsePath } from "./path.ts";

const at = (path: string) => parsePath(`http://127.0.0.1:8000${path}`);

describe("parsePath()", () => {
  test.each<[string, string[], string]>([
    ["/", [], ""],
    ["/?a=1", [], "a=1"],
    ["/shop", ["shop"], ""],
    ["/shop/", ["shop"], ""],
    ["/shop/?a=1&b=%20", ["shop"], "a=1&b=%20"],
    ["/shop?a=b?c", ["shop"], "a=b?c"],
    ["/shop/instances/web/queues/t2/", ["shop", "instances", "web", "queues", "t2"], ""],
    ["/shop/instances/a%2Fb/", ["shop", "instances", "a/b"], ""],
    ["/j%C3%B6rg/", ["jörg"], ""],
    ["/a+b/", ["a+b"], ""],
    ["/shop?x=/instances/", ["shop"], "x=/instances/"],
  ])("takes %s apart", (path, segments, query) => expect(at(path)).toEqual({ segments, query, nowait: false }));

  test("drops one slash at the end, and no other", () => {
    expect(at("/shop//").segments).toEqual(["shop", ""]);
    expect(at("//shop/").segments).toEqual(["", "shop"]);
  });

  test("keeps dots as they were sent: nothing is resolved", () => {
    expect(at("/shop/../admin/").segments).toEqual(["shop", "..", "admin"]);
    expect(at("/%2e%2e/").segments).toEqual([".."]);
  });

  test.each<[string, string[]]>([
    ["/!/shop/", ["shop"]],
    ["/!/", []],
    ["/shop/instances/!/", ["shop", "instances"]],
    ["/shop/instances/!/web/", ["shop", "instances", "web"]],
    ["/shop/instances/!/web/restart/", ["shop", "instances", "web", "restart"]],
    ["/shop/instance/!/web/autoscale", ["shop", "instance", "web", "autoscale"]],
    ["/shop/queues/!/t2/", ["shop", "queues", "t2"]],
    ["/shop/instances/!/web/queues/t2/", ["shop", "instances", "web", "queues", "t2"]],
    ["/shop/instances/web/queues/!/t2/", ["shop", "instances", "web", "queues", "t2"]],
    ["/branches/!/b1/", ["branches", "b1"]],
    ["/shop/query/!/u1/", ["shop", "query", "u1"]],
    ["/shop/query/!/u1/wait/", ["shop", "query", "u1", "wait"]],
  ])("%s does not wait", (path, segments) => expect(at(path)).toEqual({ segments, query: "", nowait: true }));

  test.each(["/shop/!/", "/shop/instances/web/!/restart/", "/shop/instances/!web/", "/shop/instances/%21/web/"])(
    "%s has its ! in no such place",
    (path) => expect(at(path).nowait).toBe(false),
  );

  test("takes a bare path, which is what comes of a request without a Host", () => {
    expect(parsePath("/shop/?a=1")).toEqual({ segments: ["shop"], query: "a=1", nowait: false });
  });

  test.each(["/%", "/a%2", "/%zz/", "/%ff/", "/shop/instances/%C3%28/"])("refuses %s", (path) => {
    expect(refusal(() => at(path)).code).toBe("invalid");
  });

  test("a NUL in a name is for the rules of names to refuse", () => expect(at("/%00/").segments).toEqual(["\0"]));
});
