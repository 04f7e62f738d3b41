import { describe, expect, test } from "bun:test";
import { Turns } from "./turns.ts";

/** Turns of which another branch has the one in the cluster. */
function among() {
  const turn = { isHad: false, isLeft: false, leave: () => void (turn.isLeft = true) };
  const asked: { app: string; wake: () => void }[] = [];
  const turns = new Turns({
    enter(app, wake) {
      asked.push({ app, wake });
      return turn;
    },
    halted() {},
  });
  return { turn, turns, asked };
}

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

describe("turns among branches", () => {
  test("are asked for once, and had when the cluster says so", () => {
    const { turn, turns, asked } = among();
    const woken: string[] = [];
    const claim = (instance: string) => turns.claim("shop", instance, () => woken.push(instance));
    expect([claim("a"), claim("b"), claim("a"), turns.isHeldBy("shop", "a")]).toEqual([false, false, false, false]);
    turn.isHad = true;
    asked[0]?.wake();
    expect([asked.length, woken, claim("a"), claim("b"), turns.isHeldBy("shop", "a")]).toEqual([
      1,
      ["a"],
      true,
      false,
      true,
    ]);
  });

  test("are given back to the cluster with those of the branch, also before they are had", () => {
    const { turn, turns } = among();
    turns.claim("shop", "a", () => {});
    turns.release("shop", "b");
    expect(turn.isLeft).toBe(false);
    turns.release("shop", "a");
    expect(turn.isLeft).toBe(true);
  });

  test("are not waited for by one that is away already, but kept from the others meanwhile", () => {
    const { turns, asked } = among();
    turns.resume("shop", "a", () => {});
    turns.resume("shop", "b", () => {});
    expect([turns.isHeldBy("shop", "a"), turns.isHeldBy("shop", "b"), asked.length]).toEqual([true, false, 1]);
    expect(turns.claim("shop", "b", () => {})).toBe(false);
  });

  test("end with the branch", () => {
    const { turn, turns } = among();
    turns.claim("shop", "a", () => {});
    turns.stop();
    expect(turn.isLeft).toBe(true);
  });
});
