import type { BrowserContext } from "playwright-core";
import type { Branch } from "../harness/branch.ts";

/** Who uses the page in tests; the name is the role. */
type Person = "viewer" | "operator" | "admin";

export const PASSWORD = "correct horse battery";

/** Credentials for the API. */
export const basic = (name: string, password = PASSWORD) => ({
  authorization: `Basic ${Buffer.from(`${name}:${password}`).toString("base64")}`,
});

/** Adds one of each role to a branch that has nobody yet. */
export async function addPeople(branch: Branch): Promise<void> {
  // The admin first: from then on the others can be added by nobody else.
  for (const role of ["admin", "operator", "viewer"] satisfies Person[]) {
    const headers = role === "admin" ? {} : basic("admin");
    const { status, body } = await branch.api("POST", `/api/users/${role}/`, {
      json: { password: PASSWORD, role },
      headers,
    });
    if (status !== 201) throw new Error(`Adding ${role} was answered ${status}: ${JSON.stringify(body)}`);
  }
}

/** Gives a context the session of somebody, as if they had logged in. */
export async function logIn(context: BrowserContext, branch: Branch, name: string): Promise<void> {
  const { status, headers } = await branch.api("POST", "/api/session/", { json: { name, password: PASSWORD } });
  const [, cookie, value] = /^([^=]+)=([^;]+)/.exec(headers.get("set-cookie") ?? "") ?? [];
  if (status !== 200 || cookie === undefined || value === undefined)
    throw new Error(`The log-in of ${name} was answered ${status}`);
  await context.addCookies([{ name: cookie, value, url: branch.url, httpOnly: true, sameSite: "Strict" }]);
}
