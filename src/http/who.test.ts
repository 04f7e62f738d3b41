import { describe, expect, test } from "bun:test";
import { CymeError } from "../domain/errors.ts";
import { whoAsks, type AccessOptions, type Asking, type Doorkeeper } from "./who.ts";

const SESSION = "s".repeat(43);
const SITE = "https://ui.example";

/** Who knows one token, one password and one session. */
function logins(isNobodyKnown: boolean): Doorkeeper {
  const refuse = () => {
    throw new CymeError("unauthorized", "wrong");
  };
  const known = (by: "token" | "password" | "session") => ({ name: "ann", role: "viewer" as const, by });
  return {
    isNobodyKnown,
    byToken: (text: string) => (text === "cyme_x" ? known("token") : refuse()),
    byPassword: async (name: string, password: string) =>
      name === "ann" && password === "a:b" ? known("password") : refuse(),
    bySession: (id: string) => (id === SESSION ? known("session") : undefined),
  };
}

const ask = (headers: Record<string, string>, given: Partial<Asking & AccessOptions & { isEmpty: boolean }> = {}) =>
  whoAsks(
    { headers: new Headers(headers), isTrusted: given.isTrusted ?? false, address: "192.0.2.1" },
    logins(given.isEmpty ?? false),
    { isOpen: given.isOpen ?? true, corsOrigin: SITE, branchId: "b.1" },
  ).catch((error: CymeError): unknown => error.code);

const cookie = (id: string, branch = "b.1") => ({ cookie: `a=b; cyme_session_${branch}=${id}; c=d` });
const both = (...given: { cookie: string }[]) => ({ cookie: given.map(({ cookie: text }) => text).join("; ") });

describe("who asks", () => {
  test.each<[string, Record<string, string>, string]>([
    ["a token", { authorization: "Bearer cyme_x" }, "token"],
    ["a token, whatever case", { authorization: "bearer  cyme_x" }, "token"],
    ["a password with a colon", { authorization: `Basic ${btoa("ann:a:b")}` }, "password"],
    ["a session", cookie(SESSION), "session"],
    [
      "a session beside those of other branches of that host",
      both(cookie("x".repeat(43), "b2"), cookie(SESSION)),
      "session",
    ],
    ["a token beside a session that has ended", { authorization: "Bearer cyme_x", ...cookie("x".repeat(43)) }, "token"],
  ])("is known by %s", async (_, headers, by) => {
    expect(await ask(headers)).toEqual({ name: "ann", role: "viewer", by, from: "192.0.2.1" });
  });

  test.each<[string, Record<string, string>]>([
    ["nothing", {}],
    ["a wrong token", { authorization: "Bearer cyme_y" }],
    ["a wrong token beside a session", { authorization: "Bearer cyme_y", ...cookie(SESSION) }],
    ["a wrong password", { authorization: `Basic ${btoa("ann:a")}` }],
    ["a name alone", { authorization: `Basic ${btoa("ann")}` }],
    ["a scheme alone", { authorization: "Bearer" }],
    ["another scheme", { authorization: "Digest x" }],
    ["an empty header", { authorization: "" }],
    ["a session that has ended", cookie("x".repeat(43))],
    ["half a session", cookie("s")],
    ["a session of another branch of that host", cookie(SESSION, "b-1")],
    ["a session by a page of the allowed site", { ...cookie(SESSION), origin: SITE }],
  ])("is not known by %s", async (_, headers) => expect(await ask(headers)).toBe("unauthorized"));

  test("is admin where nobody is known and the address is open, but not with something wrong", async () => {
    const open = { name: null, role: "admin", by: "open", from: "192.0.2.1" };
    expect(await ask({}, { isEmpty: true })).toEqual(open);
    expect(await ask(cookie("x".repeat(43)), { isEmpty: true })).toEqual(open);
    expect(await ask({ authorization: "Bearer cyme_y" }, { isEmpty: true })).toBe("unauthorized");
    expect(await ask({}, { isEmpty: true, isOpen: false })).toBe("unauthorized");
  });

  test("is admin by the socket, whatever is brought", async () => {
    const socket = { name: null, role: "admin", by: "socket", from: null };
    expect(await ask({ authorization: "Bearer cyme_y" }, { isTrusted: true })).toEqual(socket);
  });
});
