import { describe, expect, test } from "bun:test";
import type { Role } from "../domain/access.ts";
import { BROKER_PARAMS } from "../domain/broker.ts";
import type { Params } from "../domain/fields.ts";
import { refusal } from "../domain/test-support.ts";
import { refuseAdminParams } from "./admin-only.ts";

const give = (role: Role, params: Params, pattern = "/:app/instances/:name") =>
  refuseAdminParams(pattern, params, { name: "o", role, by: "token", from: null });

describe("of an instance an operator", () => {
  test.each([...BROKER_PARAMS, "command", "cwd", "env", "extra_config", "user"])(
    "may not give %s, not even to take it back",
    (one) => {
      for (const value of ["x", null, ""]) {
        const { code, facts } = refusal(() => give("operator", { max_concurrency: 1, [one]: value }));
        expect({ code, facts }).toEqual({
          code: "forbidden",
          facts: { parameter: one, wanted: "admin", role: "operator" },
        });
      }
    },
  );

  test.each([
    ["--workdir /srv", "--workdir"],
    ["-E --workdir=/srv", "--workdir"],
    [`--work"dir" /srv`, "--workdir"],
    ["-B -s ../branch.db", "-B"],
    ["-qA shop", "-qA"],
    ["worker_consumer=evil:Consumer", "worker_consumer"],
  ])("may not give more in arguments than what tunes a worker, as %p", (words, word) => {
    const { message, facts } = refusal(() => give("operator", { arguments: words }));
    expect(message).toBe(`"${word}" in arguments takes the role admin: yours is operator`);
    expect(facts).toEqual({ parameter: "arguments", wanted: "admin", role: "operator" });
  });

  test("may give the rest", () => {
    expect(() =>
      give("operator", { arguments: "-l debug --max-tasks-per-child=1", queues: ["a"], pool: "solo" }),
    ).not.toThrow();
    expect(() => give("operator", { arguments: null })).not.toThrow();
  });

  test("may not what an admin may", () => {
    expect(() =>
      give("admin", { command: "celery", arguments: "-A shop --workdir /srv", extra_config: "a=b" }),
    ).not.toThrow();
  });
});

test("of a task an operator says what goes to it", () => {
  expect(() => give("operator", { env: {} }, "/:app/task/:queue/:task")).not.toThrow();
});
