import { describe, expect, test } from "bun:test";
import { parseInstanceChange } from "../domain/instance.ts";
import { parseNamedTask } from "../domain/named-task.ts";
import { paramSchema } from "./param-schemas.ts";
import type { Params } from "../domain/fields.ts";

/* What is told of parameters is what their parsers do. */

const instance = (params: Params) => parseInstanceChange(params);
const task = (params: Params) => parseNamedTask("t", params);
const ON_INSTANCE = "/:app/instances/:name";

const bounded: [name: string, parse: (params: Params) => unknown][] = [
  ["stop_timeout", instance],
  ["max_concurrency", instance],
  ["min_concurrency", instance],
  ["max_age", instance],
  ["priority", task],
];

describe.each(bounded)("%s", (name, parse) => {
  const { minimum, maximum } = bounds(name);

  test("can be what its schema says", () => {
    for (const value of [minimum, maximum, null]) expect(() => parse({ [name]: value })).not.toThrow();
  });

  test("cannot be more or less", () => {
    for (const value of [minimum - 1, maximum + 1]) expect(() => parse({ [name]: value })).toThrow(name);
  });
});

function bounds(name: string): { minimum: number; maximum: number } {
  const { minimum, maximum } = paramSchema(ON_INSTANCE, name)?.query ?? {};
  if (minimum === undefined || maximum === undefined) throw new Error(`${name} has no bounds`);
  return { minimum, maximum };
}

test.each([
  ["cwd", "/"],
  ["userid", "u"],
  ["hostname", "h"],
])("%s can be as long as its schema says, and no longer", (name, start) => {
  const length = paramSchema(ON_INSTANCE, name)?.query.maxLength ?? 0;
  const params = (value: string): Params => ({ hostname: "h", [name]: value });
  expect(() => parseInstanceChange(params(start.padEnd(length - 1, "x")))).not.toThrow();
  expect(() => parseInstanceChange(params(start.padEnd(length + 1, "x")))).toThrow();
});

test("is_enabled can be each of its words", () => {
  const words = paramSchema(ON_INSTANCE, "is_enabled")?.query.enum ?? [];
  expect(words).toHaveLength(8);
  for (const word of words) expect(() => parseInstanceChange({ is_enabled: word })).not.toThrow();
});

test("pool can be each of its words", () => {
  const words = paramSchema(ON_INSTANCE, "pool")?.query.enum ?? [];
  expect(words).toHaveLength(6);
  for (const word of words) expect(() => parseInstanceChange({ pool: word })).not.toThrow();
});
