import { expect, test } from "bun:test";
import { findUser } from "./users.ts";

test("findUser() knows root", () => {
  expect(findUser("root")).toEqual({ name: "root", uid: 0, gid: 0, home: "/root" });
});

test.each(["nobody-is-called-so", "0", ""])("findUser() knows no %j", (name) => {
  expect(findUser(name)).toBeUndefined();
});
