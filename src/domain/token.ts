import { role, type Role } from "./access.ts";
import { invalid } from "./errors.ts";
import { given, type Params } from "./fields.ts";
import { DEFAULT_ROLE } from "./user.ts";

/** What a program shows instead of a name and a password. */
export interface Token {
  readonly name: string;
  readonly role: Role;
  /** SHA-256 of the token, in base64url. */
  readonly hash: string;
  readonly createdAtMs: number;
  /** Null: never. */
  readonly expiresAtMs: number | null;
}

export const TOKEN_PARAMS = ["role", "expires"] as const;

/** Throws `invalid`. `expiresAtMs` is null where it never expires. */
export function parseToken(params: Params, nowMs: number): { role: Role; expiresAtMs: number | null } {
  const { role: wanted = DEFAULT_ROLE } = given(params, "role", DEFAULT_ROLE, role);
  const { expires = null } = given(params, "expires", null, lifetimeMs);
  return { role: wanted, expiresAtMs: expires === null ? null : nowMs + expires };
}

const UNITS_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const MAX_MS = 3660 * UNITS_MS.d;

/** `90d` in milliseconds; also `12h`, `30m`, `45s`. */
function lifetimeMs(name: string, raw: unknown): number | null {
  const [, count = "", unit = ""] = typeof raw === "string" ? (/^(\d{1,9})([smhd])$/.exec(raw.trim()) ?? []) : [];
  const ms = Number(count) * (UNITS_MS[unit as keyof typeof UNITS_MS] ?? 0);
  if (ms <= 0 || ms > MAX_MS) throw invalid(name, "a time such as 90d, 12h, 30m or 45s, at most ten years", raw);
  return ms;
}

export const isExpired = ({ expiresAtMs }: Pick<Token, "expiresAtMs">, nowMs: number) =>
  expiresAtMs !== null && expiresAtMs <= nowMs;

const PREFIX = "cyme_";
const SECRET_BYTES = 32;

/** A new token, of 256 random bits. */
export const makeToken = (): string => `${PREFIX}${randomText()}`;

/** The id of a new session. */
export const makeSessionId = (): string => randomText();

const randomText = () => Buffer.from(crypto.getRandomValues(new Uint8Array(SECRET_BYTES))).toString("base64url");

/** By which a token or session is kept and found: whoever reads the database cannot use it. */
export const secretHash = (secret: string): string => new Bun.CryptoHasher("sha256").update(secret).digest("base64url");

/** The hash of a token as another branch sent it; throws `invalid`. */
export function tokenHash(raw: unknown): string {
  if (typeof raw !== "string" || !/^[A-Za-z0-9_-]{43}$/.test(raw)) throw invalid("hash", "a SHA-256 in base64url");
  return raw;
}
