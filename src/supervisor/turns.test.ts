import { describe, expect, test } from "bun:test";
import { Turns } from "./turns.ts";

function setup() {
  const turns = new Turns();
  const woken: string[] = [];
  const claim = (instance: string, app = "shop") => turns.claim(app, instance, () => woken.push(instance));
  return { turns, woken, claim };
}

describe("turns", () => {
  test("are one instance's of an app at a time", () => {
    const { claim } = setup();
    expect([claim("a"), claim("b"), claim("c")]).toEqual([true, false, false]);
  });

  test("stay with the one that has it, however often it asks", () => {
    const { turns, claim } = setup();
    claim("a");
    expect([claim("a"), turns.isHeldBy("shop", "a"), turns.isHeldBy("shop", "b")]).toEqual([true, true, false]);
  });

  test("of other apps are others", () => {
    const { claim } = setup();
    expect([claim("a"), claim("x", "other")]).toEqual([true, true]);
  });

  test("wake all who wait when they are given back, each once, and the first to ask has it", () => {
    const { turns, woken, claim } = setup();
    claim("a");
    claim("b");
    claim("c");
    claim("b");
    turns.release("shop", "a");
    expect(woken).toEqual(["b", "c"]);
    expect([claim("c"), claim("b"), claim("a")]).toEqual([true, false, false]);
    turns.release("shop", "c");
    expect(woken).toEqual(["b", "c", "b", "a"]);
  });

  test("are given back by the one that has it alone", () => {
    const { turns, woken, claim } = setup();
    claim("a");
    claim("b");
    turns.release("shop", "b");
    turns.release("other", "a");
    expect([claim("b"), woken]).toEqual([false, []]);
  });
});
