import { describe, expect, test } from "bun:test";
import { auditParams } from "./audit.ts";

const SECRET = "s3cret";

describe("what is kept of parameters", () => {
  test("has no secret in it, whether they are as they should be or not", () => {
    const given = [
      { password: SECRET },
      { env: { KEY: SECRET } },
      { env: JSON.stringify({ KEY: SECRET }) },
      { env: SECRET },
      { broker: `amqp://u:${SECRET}@h//` },
      { broker: `amqp:/u:${SECRET}@h` },
      { broker: `u:${SECRET}@h` },
      { hostname: `u:${SECRET}@h` },
      { hostname: `amqp://u:${SECRET}@h` },
      { arguments: `--result-backend=redis://:${SECRET}@h/0` },
    ];
    for (const params of given) expect(JSON.stringify(auditParams(params))).not.toContain(SECRET);
  });

  test("is found in time, whatever stands in however long a text", () => {
    for (const part of ["a", "://", "a:"]) {
      const name = part.repeat(2_000_000);
      expect(auditParams({ name })).toEqual({ name: `${name.slice(0, 500)}… (${name.length} characters)` });
    }
  });

  test("says what was asked for", () => {
    const params = { broker: "amqp://u:p@h/v", env: '{"KEY":"v"}', hostname: "h", queues: ["a"], max: 3, cwd: "/srv" };
    const kept = { broker: "amqp://h:5672/v", env: { KEY: null }, hostname: "h", queues: ["a"], max: 3, cwd: "/srv" };
    expect(auditParams(params)).toEqual(kept);
  });

  test("is no longer than somebody reads", () => {
    expect(auditParams({ arguments: "x".repeat(10_000) })["arguments"]).toHaveLength(520);
  });
});
