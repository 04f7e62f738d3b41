import { describe, expect, test } from "bun:test";
import { choosePeer, choosePeerToMeet, Differences, type Told } from "./peer.ts";

/** `told("b new", "c old")`: the id and digest of each. */
const told = (...lines: string[]): Told[] =>
  lines.map((line) => {
    const [id = "", digest] = line.split(" ");
    return { id, digest, heardMs: 0 };
  });

const at = (heardMs: number, others: readonly Told[]) => others.map((one) => ({ ...one, heardMs }));
const first = () => 0;
const last = () => 0.999;

describe("Differences", () => {
  const others = told("b new", "c old", "d");

  test("last once the other has told it again", () => {
    const differences = new Differences();
    expect(differences.lasting("old", at(1, others))).toEqual([]);
    expect(differences.lasting("old", at(2, others)).map(({ id }) => id)).toEqual(["b"]);
  });

  test("do not last while nothing more was heard", () => {
    const differences = new Differences();
    differences.lasting("old", at(1, others));
    expect(differences.lasting("old", at(1, others))).toEqual([]);
    expect(differences.lasting("old", at(2, others))).toHaveLength(1);
  });

  test("begin anew with every change on either side", () => {
    const differences = new Differences();
    differences.lasting("old", at(1, others));
    expect(differences.lasting("own", at(2, others))).toEqual([]);
    expect(differences.lasting("own", at(3, told("b newer", "c own")))).toEqual([]);
    expect(differences.lasting("own", at(4, told("b newer", "c own")))).toHaveLength(1);
  });
});

describe("choosePeer()", () => {
  const peer = (own: string, others: readonly Told[], random = first) => choosePeer(own, others, others, random)?.id;

  test("sends one that missed something to those who did not", () => {
    const others = told("b all", "c all", "d other");
    expect(peer("missed", others)).toBe("b");
    expect(peer("missed", others, last)).toBe("c");
  });

  test("leaves it to one that missed something to come", () => {
    expect(peer("all", told("b all", "c missed"))).toBeUndefined();
  });

  test("of two that are as many, has one come to the other", () => {
    expect([peer("x", told("b y")), peer("y", told("a x"))]).toEqual(["b", undefined]);
  });

  test("finds nobody where all know the same, or tell nothing", () => {
    expect(choosePeer("same", told("b same", "c"), [], first)).toBeUndefined();
  });
});

describe("choosePeerToMeet()", () => {
  test("finds one of those who know what most know, however few they are", () => {
    expect(choosePeerToMeet("own", told("b own", "c own", "d x", "e y", "f y"), first)?.id).toBe("e");
  });

  test("finds nobody where all know the same, or tell nothing", () => {
    expect(choosePeerToMeet("own", told("b own", "c"), first)).toBeUndefined();
  });
});
