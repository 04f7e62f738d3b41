import { invalid, unavailable } from "../domain/errors.ts";
import { findUser, isRoot, UsersAway } from "../kit/users.ts";

/** Rejects with `invalid` where the branch could not run a worker as that user, `unavailable` where that cannot be told now. */
export async function refuseUser(user: string | null | undefined): Promise<void> {
  if (user === undefined || user === null) return;
  if (!isRoot()) throw invalid("user", "none, since the branch does not run as root, which that takes", user);
  const found = await findUser(user).catch((error: unknown) => {
    throw error instanceof UsersAway ? unavailable(error.message, { stored: false }) : error;
  });
  if (!found) throw invalid("user", "the name of a user of this machine", user);
}
