import { describe, expect, test } from "bun:test";
import { parseSendPath } from "./send-path.ts";

const HOST = "http://127.0.0.1:8000";
const to = (queue: string | undefined, url: string, nowait = false) => ({ app: "shop", queue, url, nowait });

describe("the path of a send", () => {
  test.each([
    ["/shop/queue/tasks/http://m/x", to("tasks", "http://m/x")],
    ["/shop/queue/tasks/http://m/x/", to("tasks", "http://m/x/")],
    ["/shop/queue/tasks/http://m", to("tasks", "http://m")],
    ["/shop/queue/tasks/https://m//a//%2F;p=1/?q=%zz&r#f", to("tasks", "https://m//a//%2F;p=1/?q=%zz&r#f")],
    ["/shop/queue/tasks/http://m/x?", to("tasks", "http://m/x?")],
    ["/shop/queue/tasks/http://u:p@[::1]:80/x", to("tasks", "http://u:p@[::1]:80/x")],
    ["/shop/queue/http://m/x?timeout=3", to(undefined, "http://m/x?timeout=3")],
    ["/shop/queue/!/tasks/http://m/x", to("tasks", "http://m/x", true)],
    ["/shop/queue/!/http://m/x", to(undefined, "http://m/x", true)],
    ["/shop/queue/tasks/http%3A%2F%2Fm%2Fa%252Fb%3Fq%3D1%23f", to("tasks", "http://m/a%2Fb?q=1#f")],
    ["/shop/queue/tasks/HTTPS%3a%2f%2fm%2fx?y=1", to("tasks", "HTTPS://m/x?y=1")],
    ["/shop/queue/tasks/http%3A%2F%2Fm%2Fx%3Fa?y=1", to("tasks", "http://m/x?a&y=1")],
    ["/shop/queue/ta%2Fsks/http://m/x", to("ta/sks", "http://m/x")],
    ["/shop/queue/tasks/http://m/queue/t/http://n/", to("tasks", "http://m/queue/t/http://n/")],
  ])("%s", (path, expected) => {
    expect(parseSendPath(HOST + path)).toEqual(expected);
    // As Bun gives it where there was no Host.
    expect(parseSendPath(path)).toEqual(expected);
  });

  test.each([
    "/",
    "/shop/",
    "/shop/queues/tasks/",
    "/shop/queues/queue/",
    "/shop?x=/queue/t/http://m/",
    "/a/b/queue/t/http://m/",
    "//queue/t",
  ])("%s is none", (path) => expect(parseSendPath(HOST + path)).toBeUndefined());

  test.each([
    ["/shop/queue", "Cannot use the path: wanted <app>/queue/<queue>/<url>"],
    ["/shop/queue/", "Cannot use the path: wanted <app>/queue/<queue>/<url>"],
    ["/shop/queue/tasks", "Cannot use the path: wanted <app>/queue/<queue>/<url>"],
    ["/shop/queue/tasks/", 'Cannot use url: wanted a URL such as http://host/path or https://host/path, got ""'],
    ["/shop/queue/tasks/m/x", "Cannot use url"],
    ["/shop/queue/tasks/http:/m/x", "Cannot use url"],
    ["/shop/queue/tasks/ftp://m/x", "Cannot use url"],
    ["/shop/queue/tasks/http%3A%2F%2Fm%2F%zz", "Cannot use the path: wanted percent signs"],
    ["/shop/queue/tasks/http%3A%2F%2Fm%2F%0d%0a", "Cannot use url"],
    ["/%zz/queue/tasks/http://m", "Cannot use the path: wanted percent signs"],
  ])("%s is refused", (path, message) => expect(() => parseSendPath(HOST + path)).toThrow(message));
});
