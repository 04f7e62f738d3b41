import { describe, expect, test } from "bun:test";
import { CymeError, unavailable } from "./errors.ts";
import { explained, joined, keptError, together } from "./failures.ts";

const failed = (instance: string, kept?: readonly string[]) =>
  new CymeError("worker-failed", `The worker of "${instance}" did not come up: status 2`, {
    instance,
    stored: true,
    ...(kept ? { kept } : {}),
  });

async function rejection(promise: Promise<unknown>): Promise<CymeError> {
  return promise.then(
    () => {
      throw new Error("nothing was rejected");
    },
    (error: CymeError) => error,
  );
}

describe("several failures", () => {
  test("are one error, with all that failed and all that were kept", () => {
    const error = joined([keptError("c", "a"), failed("b"), failed("a", ["d", "c"])]);
    expect(error?.facts).toEqual({ instance: "b", stored: true, instances: ["a", "b"], kept: ["c", "d"] });
  });

  test("are told in one sentence", () => {
    const error = explained(joined([failed("b"), failed("a"), keptError("c", "a")]));
    expect(error).toHaveProperty(
      "message",
      '2 workers did not come up ("a", "b"): The worker of "b" did not come up: status 2; not restarted, so that they keep what they run: "c"',
    );
  });

  test("of which one came alone are left as they are", () => {
    expect(explained(joined([failed("a")]))).toEqual(failed("a"));
    expect(explained(keptError("c", "a"))).toEqual(keptError("c", "a"));
    const away = unavailable("The broker is away");
    expect([joined([away]), explained(away)]).toEqual([away, away]);
    expect(joined([])).toBeUndefined();
  });

  test("count more than what else went wrong", () => {
    expect(joined([unavailable("The broker is away"), failed("a")])?.facts["instance"]).toBe("a");
  });
});

describe("together()", () => {
  test("waits for all where workers fail, and names them", async () => {
    const later = Promise.withResolvers<void>();
    const waiting = rejection(together([Promise.reject(failed("a")), later.promise, undefined]));
    later.reject(failed("b"));
    expect((await waiting).facts["instances"]).toEqual(["a", "b"]);
  });

  test("rejects at once with what else fails, but not where a worker failed before", async () => {
    const never = new Promise<void>(() => {});
    const away = unavailable("The broker is away");
    expect(await rejection(together([never, Promise.reject(away)]))).toBe(away);
    expect((await rejection(together([Promise.reject(failed("a")), Promise.reject(away)]))).facts["instance"]).toBe(
      "a",
    );
  });
});
