import { describe, expect, test } from "bun:test";
import { ApiError } from "../api/request.ts";
import { instance } from "../test-things.ts";
import { changesOf, newValues, valuesOf } from "./fields.ts";

describe("changesOf()", () => {
  const before = valuesOf(instance("web", { arguments: "-A shop", env: { A: "1", B: null }, queues: ["b", "a"] }));

  test("says nothing of what is as before", () => expect(changesOf(before, before)).toEqual({}));

  test("says what was changed, and null for what was emptied", () => {
    const after = { ...before, arguments: "", max_concurrency: "4", queues: ["a"] };
    expect(changesOf(before, after)).toEqual({ arguments: null, max_concurrency: "4", queues: ["a"] });
  });

  test("never says app and name, which are in the path", () => {
    expect(changesOf(newValues("shop"), { ...newValues("mail"), name: "web" })).toEqual({});
  });

  test("takes KEY=value lines for the environment; a value may hold =", () => {
    expect(changesOf(before, { ...before, env: "A=1=2\n\nC=" })).toEqual({ env: { A: "1=2", C: "" } });
  });

  test("a line of the environment without = is refused at its field, without showing it", () => {
    expect.assertions(2);
    try {
      changesOf(before, { ...before, env: "secret" });
    } catch (error) {
      expect((error as ApiError).parameter).toBe("env");
      expect((error as ApiError).message).not.toContain("secret");
    }
  });
});
