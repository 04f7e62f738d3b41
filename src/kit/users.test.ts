import { afterEach, expect, mock, spyOn, test } from "bun:test";
import * as programs from "./run-program.ts";
import { findUser, UsersAway } from "./users.ts";

afterEach(() => mock.restore());

test("findUser() knows root", async () => {
  expect(await findUser("root")).toEqual({ name: "root", uid: 0, gid: 0, home: "/root" });
});

test.each(["nobody-is-called-so", "0", ""])("findUser() knows no %j", async (name) => {
  expect(await findUser(name)).toBeUndefined();
});

test("findUser() does not take a user for unknown whom the machine cannot be asked for", async () => {
  spyOn(programs, "runProgram").mockRejectedValue(new programs.ProgramLate("getent did not answer within 5 s"));
  const error = await findUser("root").catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(UsersAway);
  expect(error).toHaveProperty("message", expect.stringContaining("getent did not answer within 5 s"));
});

test("findUser() knows the users of a machine without getent", async () => {
  spyOn(programs, "runProgram").mockRejectedValue(Object.assign(new Error("no getent"), { code: "ENOENT" }));
  expect(await findUser("root")).toMatchObject({ uid: 0 });
});
