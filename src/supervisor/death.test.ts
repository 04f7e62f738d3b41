import { describe, expect, test } from "bun:test";
import { judge, type Death } from "./death.ts";

describe("judge()", () => {
  const rate = { count: 2, periodMs: 60_000, text: "2/m" };
  /** A worker that ran, and died by itself for the first time, with its broker there. */
  const death: Death = {
    termReason: null,
    startedFor: "people",
    hasAnswered: true,
    isBrokerUsable: true,
    deathsBefore: 0,
  };
  const verdict = (fields: Partial<Death>) => judge({ ...death, ...fields }, rate);

  test("a death counts, and the worker is started again", () => expect(verdict({})).toBe("counted"));

  test("deaths are too many once there are more than the rate allows", () => {
    expect(verdict({ deathsBefore: 1 })).toBe("counted");
    expect(verdict({ deathsBefore: 2 })).toBe("too many");
    expect(verdict({ deathsBefore: 3 })).toBe("too many");
  });

  test("a rate of 0 allows none", () => {
    expect(judge(death, { ...rate, count: 0 })).toBe("too many");
  });

  test("an end by wish is expected, whatever else is so", () => {
    const wish = { termReason: "wish" } as const;
    expect([
      verdict(wish),
      verdict({ ...wish, deathsBefore: 9 }),
      verdict({ ...wish, isBrokerUsable: false }),
      verdict({ ...wish, hasAnswered: false }),
    ]).toEqual(["expected", "expected", "expected", "expected"]);
  });

  test("so is that of a worker that somebody else has told to end", () => {
    expect(verdict({ termReason: "somebody else", deathsBefore: 9 })).toBe("expected");
  });

  test("a worker that was stopped since it did not answer died", () => {
    expect(verdict({ termReason: "unresponsive" })).toBe("counted");
    expect(verdict({ termReason: "unresponsive", deathsBefore: 2 })).toBe("too many");
  });

  test("nobody is to blame while the broker is away, however often, and even before the first answer", () => {
    const outage = { isBrokerUsable: false };
    expect([
      verdict(outage),
      verdict({ ...outage, deathsBefore: 9 }),
      verdict({ ...outage, hasAnswered: false }),
      verdict({ ...outage, termReason: "unresponsive" }),
    ]).toEqual(["blameless", "blameless", "blameless", "blameless"]);
  });

  test("a worker that people asked for failed where it never answered", () => {
    expect(verdict({ hasAnswered: false })).toBe("failed");
    expect(verdict({ hasAnswered: false, deathsBefore: 9 })).toBe("failed");
  });

  test.each(["branch", "death", "recycling", "retry"] as const)(
    "one that was started for %s came to an early death then, and is tried again within the rate",
    (startedFor) => {
      expect(verdict({ hasAnswered: false, startedFor })).toBe("early");
      expect(verdict({ hasAnswered: false, startedFor, deathsBefore: 2 })).toBe("too many");
    },
  );
});
