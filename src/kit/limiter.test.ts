import { describe, expect, test } from "bun:test";
import { Limiter } from "./limiter.ts";

function setup(size: number) {
  const room = { places: size };
  const limiter = new Limiter(() => room.places);
  const woken: string[] = [];
  return { room, woken, enter: (key: string) => limiter.tryEnter(key, () => woken.push(key)) };
}

describe("a limiter", () => {
  test("lets in as many as it has places", () => {
    const { enter } = setup(2);
    expect([enter("a"), enter("b"), enter("c")].map((leave) => leave !== undefined)).toEqual([true, true, false]);
  });

  test("wakes the one that waited longest when a place is free, and that one comes in", () => {
    const { enter, woken } = setup(1);
    const leave = enter("a");
    enter("b");
    enter("c");
    expect(woken).toEqual([]);
    leave?.();
    expect(woken).toEqual(["b"]);
    expect(enter("b")).toBeDefined();
    expect(woken).toEqual(["b"]);
  });

  test("lets in all who wait, one after another", () => {
    const limiter = new Limiter(() => 1);
    const entered: string[] = [];
    const come = (key: string) => {
      const leave = limiter.tryEnter(key, () => come(key));
      if (!leave) return;
      entered.push(key);
      leave();
    };
    const first = limiter.tryEnter("first", () => {});
    for (const key of ["a", "b", "c"]) come(key);
    first?.();
    expect(entered).toEqual(["a", "b", "c"]);
  });

  test("does not let one wait twice that asks again, nor lose its place in the row", () => {
    const { enter, woken } = setup(1);
    const leave = enter("a");
    enter("b");
    enter("c");
    enter("b");
    leave?.();
    expect(woken).toEqual(["b"]);
    enter("b")?.();
    expect(woken).toEqual(["b", "c"]);
  });

  test("gives a place back once, however often it is left", () => {
    const { enter } = setup(1);
    const leave = enter("a");
    leave?.();
    leave?.();
    expect(enter("b")).toBeDefined();
    expect(enter("c")).toBeUndefined();
  });

  test("wakes the next one where the one that was woken did not come", () => {
    const { enter, woken } = setup(1);
    const leave = enter("a");
    enter("b");
    enter("c");
    leave?.();
    enter("d")?.();
    expect(woken).toEqual(["b", "c"]);
  });

  test("wakes nobody who came in meanwhile", () => {
    const { enter, woken } = setup(2);
    const [leaveA, leaveB] = [enter("a"), enter("b")];
    enter("c");
    leaveA?.();
    expect(enter("c")).toBeDefined();
    leaveB?.();
    expect(woken).toEqual(["c"]);
  });

  test("with fewer places than before lets nobody in until so many have left", () => {
    const { room, enter, woken } = setup(2);
    const [leaveA, leaveB] = [enter("a"), enter("b")];
    room.places = 1;
    enter("c");
    leaveA?.();
    expect(woken).toEqual([]);
    leaveB?.();
    expect(woken).toEqual(["c"]);
    expect(enter("c")).toBeDefined();
  });

  test("with more places than before calls as many as there is room for", () => {
    const { room, enter, woken } = setup(1);
    const leave = enter("a");
    for (const key of ["b", "c", "d", "e"]) enter(key);
    room.places = 3;
    leave?.();
    expect(woken).toEqual(["b", "c", "d"]);
  });
});
