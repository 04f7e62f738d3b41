import { expect, test } from "bun:test";
import { withAnyOf } from "./signals.ts";

/** A signal that knows how many listen to it. */
function counted() {
  const controller = new AbortController();
  const { signal } = controller;
  let listeners = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...given: Parameters<typeof addEventListener>) => {
    listeners++;
    addEventListener.apply(signal, given);
  };
  signal.removeEventListener = (...given: Parameters<typeof removeEventListener>) => {
    listeners--;
    removeEventListener.apply(signal, given);
  };
  return { controller, signal, listeners: () => listeners };
}

test("each of several signals ends it, with its reason", async () => {
  for (const which of [0, 1]) {
    const signals = [counted(), counted()];
    const given = await withAnyOf(
      signals.map(({ signal }) => signal),
      async (signal) => {
        signals[which]?.controller.abort(`reason ${which}`);
        return signal;
      },
    );
    expect(given?.reason).toBe(`reason ${which}`);
  }
});

test("one that has ended before ends it at once", async () => {
  await withAnyOf([new AbortController().signal, AbortSignal.abort("before")], async (signal) => {
    expect(signal?.reason).toBe("before");
  });
});

test("without any there is none", async () => {
  expect(await withAnyOf([], async (given) => given)).toBeUndefined();
});

test("a hundred calls listen once to what ends all of them", async () => {
  const { controller, signal, listeners } = counted();
  const goOn = Promise.withResolvers<void>();
  const calls = Array.from({ length: 100 }, () =>
    withAnyOf([signal], async (given) => {
      await goOn.promise;
      return given?.reason as unknown;
    }),
  );
  expect(listeners()).toBe(1);
  controller.abort("all");
  goOn.resolve();
  expect(new Set(await Promise.all(calls))).toEqual(new Set(["all"]));
  expect(listeners()).toBe(0);
});

test("nothing listens any more when it is over, also where it failed", async () => {
  const signals = [counted(), counted()];
  const use = () => Promise.reject(new Error("no"));
  await withAnyOf(
    signals.map(({ signal }) => signal),
    use,
  ).catch(() => undefined);
  expect(signals.map(({ listeners }) => listeners())).toEqual([0, 0]);
});
