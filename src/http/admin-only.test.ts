import { describe, expect, test } from "bun:test";
import type { Role } from "../domain/access.ts";
import { BROKER_PARAMS } from "../domain/broker.ts";
import type { Params } from "../domain/fields.ts";
import { refusal } from "../domain/test-support.ts";
import { refuseAdminParams } from "./admin-only.ts";

const give = (role: Role, params: Params, pattern = "/:app/instances/:name") =>
  refuseAdminParams(pattern, params, { name: "o", role, by: "token", from: null });

describe("of an instance an operator", () => {
  test.each([...BROKER_PARAMS, "command", "cwd", "env", "user"])("may not give %s, not even to take it back", (one) => {
    for (const value of ["x", null, ""]) {
      const { code, facts } = refusal(() => give("operator", { max_concurrency: 1, [one]: value }));
      expect({ code, facts }).toEqual({
        code: "forbidden",
        facts: { parameter: one, wanted: "admin", role: "operator" },
      });
    }
  });

  test.each(["--workdir /srv", "-A shop --workdir=/srv", `--work"dir" /srv`])(
    "may not say where it runs by %s",
    (words) => {
      expect(refusal(() => give("operator", { arguments: words })).facts).toMatchObject({ parameter: "arguments" });
    },
  );

  test("may give the rest", () => {
    expect(() =>
      give("operator", { arguments: "-A shop --max-tasks-per-child=1", queues: ["a"], pool: "solo" }),
    ).not.toThrow();
  });

  test("may not what an admin may", () => {
    expect(() => give("admin", { command: "celery", arguments: "--workdir /srv" })).not.toThrow();
  });
});

test("of a task an operator says what goes to it", () => {
  expect(() => give("operator", { env: {} }, "/:app/task/:queue/:task")).not.toThrow();
});
