import { describe, expect, test } from "bun:test";
import { masked, maskedResponse, maskedText } from "./mask.ts";
import { respond } from "./respond.ts";

const SECRET = "hush";

describe("below admin", () => {
  test.each<[unknown, unknown]>([
    [{ broker: { userid: "u", password: SECRET } }, { broker: { userid: "u", password: null } }],
    [[{ env: { A: SECRET, B: "" } }], [{ env: { A: null, B: null } }]],
    [
      { env: null, password: null },
      { env: null, password: null },
    ],
    [{ why: `cannot reach amqp://u:${SECRET}@h:1//` }, { why: "cannot reach amqp://h:1//" }],
    [{ arguments: `-b redis://:${SECRET}@h/0 -A p` }, { arguments: "-b redis://h/0 -A p" }],
    [{ env: `{"A":"${SECRET}"}` }, { env: null }],
    [{ env: [`A=${SECRET}`] }, { env: null }],
    [{ [`amqp://u:${SECRET}@h`]: { n: 1 } }, { "amqp://h": { n: 1 } }],
    [{ deep: [[{ password: [SECRET] }]] }, { deep: [[{ password: null }]] }],
    [
      { n: 1, is: true, none: null },
      { n: 1, is: true, none: null },
    ],
  ])("%j is %j", (value, seen) => expect(masked(value)).toEqual(seen));

  test.each([
    [`x://u:${SECRET}@h y://${SECRET}@i`, "x://h y://i"],
    [`amqp://u:p@${SECRET}@h/`, "amqp://h/"],
    [`amqps://u:${SECRET}%2F@[::1]:5671/v`, "amqps://[::1]:5671/v"],
    ["http://h/path?mail=a@b.c", "http://h/path?mail=a@b.c"],
    [`http%3A%2F%2Fu%3A${SECRET}%40h%2Fx http%3a%2f%2fh%2Fa%40b`, "http%3A%2F%2Fh%2Fx http%3a%2f%2fh%2Fa%40b"],
    [`amqp://u:${SECRET}/${SECRET}@h/v amqp://:${SECRET}#@h amqp://u:x?x@h`, "amqp://h/v amqp://h amqp://h"],
    [`amqp:\\/\\/u:${SECRET}@h\\/v`, "amqp:\\/\\/h\\/v"],
    ["http://h:80/a@b http://[::1]:80/a@b", "http://h:80/a@b http://[::1]:80/a@b"],
    ["mail a@b.c to http://h", "mail a@b.c to http://h"],
    [`'HTTP://U:${SECRET}@H'`, "'HTTP://H'"],
  ])("the text %j is %j", (text, seen) => expect(maskedText(text)).toBe(seen));

  test.each(["://", "%3a%2f%2f", "a", "http://@", "://a:b", "://a:"])(
    "a text of many %s takes no longer than it is long",
    (part) => {
      expect(maskedText(part.repeat(300_000)).length).toBeGreaterThanOrEqual(300_000);
    },
  );

  test("an answer keeps its status and headers", async () => {
    const response = await maskedResponse(respond(409, { nok: "x", password: SECRET }, { "retry-after": "5" }));
    expect(response.status).toBe(409);
    expect(response.headers.get("retry-after")).toBe("5");
    expect(await response.json()).toEqual({ nok: "x", password: null });
  });

  test.each<[string, string[], string]>([
    ["wherever its parts end", ["one amqp://u:hu", "sh@h//\ntwo \u00ff\n"], "one amqp://h//\ntwo \u00ff\n"],
    ["also where a letter of a password is a blank elsewhere", ["amqp://u:p\u00c3\u00a0x@h\n"], "amqp://h\n"],
    [
      "without what may be half a password at its end",
      ["at http://h/ ", "see amqp://u:hu"],
      "at http://h/ see amqp...",
    ],
    [
      "without the rest of a word that is too long",
      [`a "amqp://u:${"x".repeat(70_000)}`, "amqp:/", "/u:h@i b"],
      'a "amqp... b',
    ],
    ["also in a long line", [`${" ".repeat(65_530)}amqp://u:hu`, "sh@h\n"], `${" ".repeat(65_530)}amqp://h\n`],
    [
      "whole where a long word has no URL",
      ["b".repeat(100_000), "c:/", "/u:p@h d\n"],
      `${"b".repeat(100_000)}c://h d\n`,
    ],
  ])("a log is masked %s", async (_how, parts, seen) => {
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const part of parts) controller.enqueue(Uint8Array.from(Buffer.from(part, "latin1")));
        controller.close();
      },
    });
    const response = await maskedResponse(new Response(body, { headers: { "content-type": "text/plain" } }));
    expect(Buffer.from(await response.arrayBuffer()).toString("latin1")).toBe(seen);
  });

  test("a word without an end is not kept for ever", async () => {
    let send!: ReadableStreamDefaultController<Uint8Array>;
    const body = new ReadableStream<Uint8Array>({ start: (controller) => void (send = controller) });
    const response = await maskedResponse(new Response(body, { headers: { "content-type": "text/plain" } }));
    send.enqueue(new Uint8Array(200_000).fill(65));
    const read = await response.body?.getReader().read();
    expect(read?.value?.length).toBeWithin(199_000, 200_001);
  });
});
