import { expect, test } from "bun:test";
import { ProgramLate, runProgram } from "./run-program.ts";

test("runProgram() tells how a program ended and what it said", async () => {
  expect(await runProgram(["sh", "-c", "echo yes; exit 3"])).toEqual({ exitCode: 3, output: "yes\n" });
});

test("runProgram() rejects with the system's error where there is no such program", async () => {
  const error = await runProgram(["/nowhere/program"]).catch((thrown: unknown) => thrown);
  expect(error).toHaveProperty("code", "ENOENT");
});

test.each([
  ["that hangs", "exec sleep 1000"],
  ["whose child keeps its output open", "sleep 2 & exec sleep 1000"],
])("runProgram() gives up one %s, and holds up nobody meanwhile", async (_, script) => {
  const order: string[] = [];
  const late = runProgram(["sh", "-c", script], 200).catch((thrown: unknown) => {
    order.push("gave up");
    return thrown;
  });
  setTimeout(() => order.push("the loop turned"), 1);
  expect(await late).toBeInstanceOf(ProgramLate);
  expect(order).toEqual(["the loop turned", "gave up"]);
});
