import { invalid } from "../domain/errors.ts";
import { findUser, isRoot } from "../kit/users.ts";

/** Throws `invalid` where the branch could not run a worker as that user. */
export function refuseUser(user: string | null | undefined): void {
  if (user === undefined || user === null) return;
  if (!isRoot()) throw invalid("user", "none, since the branch does not run as root, which that takes", user);
  if (!findUser(user)) throw invalid("user", "the name of a user of this machine", user);
}
