import { afterEach, describe, expect, mock, spyOn, test } from "bun:test";
import * as users from "../kit/users.ts";
import { refuseUser } from "./users.ts";

afterEach(() => mock.restore());

test.each([null, undefined])("the branch's own user (%p) is refused nowhere", async (user) => {
  await refuseUser(user);
});

test("another user is refused where the branch is not root", async () => {
  spyOn(users, "isRoot").mockReturnValue(false);
  await expect(refuseUser("nobody")).rejects.toMatchObject({ code: "invalid" });
});

describe("where the branch is root", () => {
  test("a user that the machine cannot be asked for is not called unknown", async () => {
    spyOn(users, "isRoot").mockReturnValue(true);
    spyOn(users, "findUser").mockRejectedValue(new users.UsersAway("Cannot ask the machine for the user nobody"));
    await expect(refuseUser("nobody")).rejects.toMatchObject({ code: "unavailable", facts: { stored: false } });
  });

  test("one that there is not is", async () => {
    spyOn(users, "isRoot").mockReturnValue(true);
    spyOn(users, "findUser").mockResolvedValue(undefined);
    await expect(refuseUser("nobody")).rejects.toMatchObject({ code: "invalid" });
  });
});
