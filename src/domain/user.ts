import { role, type Role } from "./access.ts";
import { invalid } from "./errors.ts";
import { given, type Params } from "./fields.ts";

/** A person who may log in. */
export interface User {
  readonly name: string;
  readonly role: Role;
  /** Of the password, argon2id in PHC format. */
  readonly hash: string;
  readonly createdAtMs: number;
}

/** What a user is given or changed to; what is absent stays as it is. */
export interface UserChange {
  readonly role?: Role;
  readonly password?: string;
}

export const USER_PARAMS = ["password", "role"] as const;
export const DEFAULT_ROLE: Role = "viewer";

const MIN_PASSWORD_LENGTH = 8;
const MAX_PASSWORD_BYTES = 1024;

/** Throws `invalid`, without the password. */
export const parseUserChange = (params: Params): UserChange => ({
  ...given(params, "role", DEFAULT_ROLE, role),
  ...(params["password"] === undefined ? {} : { password: usablePassword(params["password"]) }),
});

/** A password that may be used from now on; throws `invalid`, without it. */
export function usablePassword(raw: unknown): string {
  const isGood = isPassword(raw) && raw.length >= MIN_PASSWORD_LENGTH;
  if (!isGood)
    throw invalid("password", `${MIN_PASSWORD_LENGTH} characters or more, at most ${MAX_PASSWORD_BYTES} bytes`);
  return raw;
}

/** Whether it can be anybody's: what is longer is not even compared. */
export const isPassword = (raw: unknown): raw is string =>
  typeof raw === "string" && raw !== "" && !raw.includes("\0") && Buffer.byteLength(raw) <= MAX_PASSWORD_BYTES;

const HASH = /^\$argon2id\$[A-Za-z0-9$=,+/]{20,400}$/;

/** The hash of a password as another branch sent it; throws `invalid`. */
export function passwordHash(raw: unknown): string {
  if (typeof raw !== "string" || !HASH.test(raw)) throw invalid("hash", "an argon2id hash");
  return raw;
}
