import { describe, expect, test } from "bun:test";
import { EventReader } from "./sse.ts";

describe("EventReader", () => {
  test("reads events however they are cut into chunks", () => {
    const text = 'retry: 2000\n\nevent: app\ndata: {"name":"shop"}\n\n: alive\n\nevent: ready\ndata: {}\n\n';
    const wanted = [
      { name: "app", data: { name: "shop" } },
      { name: "ready", data: {} },
    ];
    const whole = new EventReader().read(text);
    const reader = new EventReader();
    const byOne = [...text].flatMap((character) => reader.read(character));
    expect([whole, byOne]).toEqual([wanted, wanted]);
  });

  test("takes an event without data for one", () => {
    expect(new EventReader().read("event: ready\n\n")).toEqual([{ name: "ready", data: null }]);
  });

  test("does not hide that data is broken", () => {
    expect(() => new EventReader().read("event: app\ndata: {\n\n")).toThrow(SyntaxError);
  });
});
