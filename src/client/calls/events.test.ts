import { expect, test } from "bun:test";
import { eventsIn } from "./events.ts";
import type { EventAnswer } from "../types.ts";

test("events are told once they are whole, in whatever pieces their text comes", () => {
  const text =
    'retry: 2000\n\nevent: app\ndata: {"name":"shop"}\n\n: alive\n\nevent: ready\ndata: {}\n\nevent: app\nda';
  for (const size of [1, 7, text.length]) {
    const told: EventAnswer[] = [];
    const take = eventsIn((event) => void told.push(event));
    for (let at = 0; at < text.length; at += size) take(text.slice(at, at + size));
    expect(told).toEqual([
      { event: "app", data: { name: "shop" } },
      { event: "ready", data: {} },
    ]);
  }
});
