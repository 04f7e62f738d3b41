import { expect } from "bun:test";
import type { Role } from "../../src/domain/access.ts";
import type { Branch } from "../harness/branch.ts";
import { until } from "../harness/wait.ts";

export const ROLES: readonly Role[] = ["viewer", "operator", "admin"];
export const WAYS = ["bearer", "basic", "session"] as const;
type Way = (typeof WAYS)[number];

/** What a request brings to show who sends it. */
export type Brought = Readonly<Record<string, string>>;

/** Users and tokens of a branch: one of each role. */
export interface People {
  /** What somebody of that role brings, in that way. */
  brings(role: Role, way: Way): Brought;
  /** What opens nothing, by what is wrong with it. */
  readonly wrong: readonly (readonly [what: string, brought: Brought])[];
  /** All that nobody may ever see again. */
  readonly secrets: readonly string[];
}

export const bearer = (token: string): Brought => ({ authorization: `Bearer ${token}` });
export const basic = (name: string, password: string): Brought => ({
  authorization: `Basic ${Buffer.from(`${name}:${password}`).toString("base64")}`,
});
export const cookie = ({ id: branch }: Branch, id: string): Brought => ({ cookie: `cyme_session_${branch}=${id}` });

export const passwordOf = (role: Role) => `password-of-${role}`;

/** Makes them on a branch that has none yet: everybody is admin there until the first is made. */
export async function makePeople(branch: Branch): Promise<People> {
  const tokens = new Map<Role, string>();
  const root = bearer((await made<{ token: string }>(branch, "/api/tokens/t-root/", { role: "admin" }, {})).token);
  for (const role of ROLES) {
    await made(branch, `/api/users/u-${role}/`, { role, password: passwordOf(role) }, root);
    tokens.set(role, (await made<{ token: string }>(branch, `/api/tokens/t-${role}/`, { role }, root)).token);
  }
  await made(branch, "/api/users/u-wrong/", { role: "admin", password: "password-of-wrong" }, root);
  const sessions = new Map<Role, string>();
  for (const role of ROLES) sessions.set(role, await logIn(branch, `u-${role}`, passwordOf(role)));
  const ended = await logIn(branch, "u-viewer", passwordOf("viewer"));
  await branch.api("DELETE", "/api/session/", { headers: cookie(branch, ended) });
  const { token: expired } = await made<{ token: string }>(
    branch,
    "/api/tokens/t-old/",
    { role: "admin", expires: "1s" },
    root,
  );
  const isOver = async () => (await branch.api("GET", "/", { headers: bearer(expired) })).status === 401;
  await until(isOver, { what: "the token to expire" });
  const { token: deleted } = await made<{ token: string }>(branch, "/api/tokens/t-gone/", { role: "admin" }, root);
  expect((await branch.api("DELETE", "/api/tokens/t-gone/", { headers: root })).status).toBe(200);
  return {
    brings: (role, way) => {
      if (way === "basic") return basic(`u-${role}`, passwordOf(role));
      return way === "bearer" ? bearer(tokens.get(role) ?? "") : cookie(branch, sessions.get(role) ?? "");
    },
    wrong: [
      ["nothing", {}],
      ["a token of nobody", bearer("cyme_none")],
      ["an expired token", bearer(expired)],
      ["a deleted token", bearer(deleted)],
      ["a token as a session", cookie(branch, tokens.get("admin") ?? "")],
      ["a session as a token", bearer(sessions.get("admin") ?? "")],
      ["a name that nobody has", basic("nobody", passwordOf("admin"))],
      ["a token for a password", basic("t-admin", tokens.get("admin") ?? "")],
      // Never asked for u-admin: whoever it is would be held up.
      ["a wrong password", basic("u-wrong", passwordOf("admin"))],
      ["an empty password", basic("u-wrong", "")],
      ["an unknown scheme", { authorization: "Digest username=u-admin" }],
      ["half a header", { authorization: "Bearer" }],
      ["a session that has ended", cookie(branch, ended)],
      ["a session of nobody", cookie(branch, "A".repeat(43))],
    ],
    secrets: [...tokens.values(), ...sessions.values(), ...ROLES.map(passwordOf)],
  };
}

async function made<T>(branch: Branch, path: string, json: object, headers: Brought): Promise<T> {
  const { status, body } = await branch.api<T>("POST", path, { json, headers });
  expect([path, status]).toEqual([path, 201]);
  return body;
}

/** Logs in as a page does; gives the id of the session. */
export async function logIn(branch: Branch, name: string, password: string): Promise<string> {
  const { status, headers } = await branch.api("POST", "/api/session/", { json: { name, password } });
  expect(status).toBe(200);
  return /^cyme_session_[^=]+=([^;]+);/.exec(headers.get("set-cookie") ?? "")?.[1] ?? "";
}
