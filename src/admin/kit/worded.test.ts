import { expect, test } from "bun:test";
import { worded } from "./worded.ts";

test.each([
  ["Cannot use max_age: wanted seconds, got x", "max_age", "Cannot use “Longest life”: wanted seconds, got x"],
  ["Cannot use max_age: wanted seconds, got x", "max", "Cannot use max_age: wanted seconds, got x"],
  ["There is no such app", "app", "There is no such app"],
])("%p at the field of %s is %p", (message, parameter, shown) =>
  expect(worded(message, parameter, "Longest life")).toBe(shown),
);
