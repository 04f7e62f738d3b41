import type { Token } from "../domain/token.ts";
import type { User } from "../domain/user.ts";
import { ACCESS_HEADER, respond } from "./respond.ts";
import type { Call } from "./routes.ts";
import { time } from "./views.ts";

/* The routes of users and tokens. */

const OK = { ok: "ok" };
const CLOSED = { [ACCESS_HEADER]: "closed" };
const OPEN = { [ACCESS_HEADER]: "open" };
const name = ({ path }: Call, key: string) => path[key] ?? "";

export const userView = ({ name: user, role, createdAtMs }: User) => ({
  name: user,
  role,
  created_at: time(createdAtMs),
});

export const tokenView = ({ name: token, role, createdAtMs, expiresAtMs }: Token) => ({
  name: token,
  role,
  created_at: time(createdAtMs),
  expires_at: expiresAtMs === null ? null : time(expiresAtMs),
});

export const listUsers = ({ controller }: Call) => respond(200, controller.accounts.users().map(userView));

export const showUser = (call: Call) => respond(200, userView(call.controller.accounts.user(name(call, "user"))));

export async function putUser(call: Call): Promise<Response> {
  const { accounts } = call.controller;
  const how = { mustBeNew: call.method === "POST" };
  const { user, isNew, isFirst } = await accounts.putUser(name(call, "user"), call.params, how, call.options);
  return respond(isNew ? 201 : 200, userView(user), isFirst ? CLOSED : {});
}

export async function deleteUser(call: Call): Promise<Response> {
  const { wasLast } = await call.controller.accounts.removeUser(name(call, "user"), call.options);
  return respond(200, OK, wasLast ? OPEN : {});
}

export const listTokens = ({ controller }: Call) => respond(200, controller.accounts.tokens().map(tokenView));

export const showToken = (call: Call) => respond(200, tokenView(call.controller.accounts.token(name(call, "token"))));

/** The only answer that shows the token. */
export async function addToken(call: Call): Promise<Response> {
  const added = await call.controller.accounts.addToken(name(call, "token"), call.params, call.options);
  const { created_at: _created, ...view } = tokenView(added.token);
  return respond(201, { ...view, token: added.text }, added.isFirst ? CLOSED : {});
}

export async function deleteToken(call: Call): Promise<Response> {
  const { wasLast } = await call.controller.accounts.removeToken(name(call, "token"), call.options);
  return respond(200, OK, wasLast ? OPEN : {});
}
