import { expect, test } from "bun:test";
import { reason } from "./detach.ts";

test.each([
  ["error: The disk is full.\nMake room.\n", "The disk is full.\nMake room."],
  ["2026-11-21 WARNING odd\nerror: The port is taken.\n", "The port is taken."],
  ["thrown\n  at main\nSegmentation fault\n", "Segmentation fault"],
  ["\n", "it said nothing"],
])("a daemon that says %j did not start because of %j", (said, why) => expect(reason(said)).toBe(why));
