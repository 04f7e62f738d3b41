import { describe, expect, test } from "bun:test";
import type { Who } from "../domain/access.ts";
import { words } from "../domain/test-support.ts";
import { Places, untilOver } from "./places.ts";

const viewer = (name: string): Who => ({ name, role: "viewer", by: "session", from: null });
const ADMIN: Who = { name: "root", role: "admin", by: "token", from: null };
const OPEN: Who = { name: null, role: "admin", by: "open", from: null };

const times = (count: number, take: (at: number) => () => void) => Array.from({ length: count }, (_, at) => take(at));

describe("places", () => {
  test("are twenty for each user and each token", () => {
    const places = new Places("the events");
    const [first] = times(20, () => places.take(viewer("ann")));
    expect(words(() => places.take({ ...viewer("ann"), by: "password" }))).toContain(
      '"ann" has 20 readers that follow the events of this branch already',
    );
    expect(() => places.take(viewer("bob"))).not.toThrow();
    expect(() => places.take({ ...viewer("ann"), by: "token" })).not.toThrow();
    first?.();
    first?.();
    places.take(viewer("ann"));
    expect(words(() => places.take(viewer("ann")))).toContain('"ann" has 20');
  });

  test("are 200, the last 20 for admins", () => {
    const places = new Places("the events");
    times(180, (at) => places.take(viewer(`v${at}`)));
    expect(words(() => places.take(viewer("last")))).toContain("180 readers follow the events");
    times(19, () => places.take(ADMIN));
    places.take(OPEN);
    expect(words(() => places.take(OPEN))).toContain("200 readers follow the events");
  });

  test("are not bounded by name where there is none", () => {
    const places = new Places("the events");
    expect(times(200, () => places.take(OPEN))).toHaveLength(200);
  });
});

describe("untilOver()", () => {
  const counted = (body: ReadableStream<Uint8Array> | null) => {
    const freed = { times: 0 };
    const response = untilOver(new Response(body, { status: 201, headers: { a: "b" } }), () => void freed.times++);
    return { response, freed };
  };
  const ofBytes = (end: (controller: ReadableStreamDefaultController<Uint8Array>) => void) =>
    new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new Uint8Array([65])),
      pull: end,
    });

  test("tells the end of an answer, which is the same otherwise", async () => {
    const { response, freed } = counted(ofBytes((controller) => controller.close()));
    expect([response.status, response.headers.get("a"), freed.times]).toEqual([201, "b", 0]);
    expect(await response.text()).toBe("A");
    expect(freed.times).toBe(1);
  });

  test("tells that its reader has left", async () => {
    const left = Promise.withResolvers<unknown>();
    const source = new ReadableStream<Uint8Array>({ cancel: (reason) => left.resolve(reason) });
    const { response, freed } = counted(source);
    await response.body?.cancel("gone");
    expect([await left.promise, freed.times]).toEqual(["gone", 1]);
  });

  test("tells that it failed, and that there is nothing", async () => {
    const { response, freed } = counted(ofBytes((controller) => controller.error(new Error("broken"))));
    expect(await response.text().catch((error: Error) => error.message)).toBe("broken");
    expect(freed.times).toBe(1);
    expect(counted(null).freed.times).toBe(1);
  });
});
