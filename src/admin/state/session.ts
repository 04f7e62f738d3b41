import { computed, signal } from "@preact/signals";
import { ApiError, loginWanted, request } from "../api/request.ts";
import type { Role, Session } from "../api/types.ts";
import { forget, listen } from "./live.ts";

/** Who the page speaks for: null before that is known, and where somebody has to log in first. */
export const session = signal<Session | null>(null);
/** Whether the login form is to be shown: over what there is, which stays. */
export const isLoginShown = signal(false);
/** Why the branch did not say who is there, where it was not reached. */
export const sessionTrouble = signal<string | null>(null);

const RANKS: Readonly<Record<Role, number>> = { viewer: 0, operator: 1, admin: 2 };

const rank = computed(() => (session.value ? RANKS[session.value.role] : -1));

/** Whether the one who is there may do what wants this role. */
export const may = (role: Role) => rank.value >= RANKS[role];

/** Asks the branch who is there, and shows the page or the login form. */
export async function recognise(): Promise<void> {
  try {
    session.value = await request<Session>("GET", "/api/session/");
    sessionTrouble.value = null;
    isLoginShown.value = false;
    listen();
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) isLoginShown.value = true;
    else sessionTrouble.value = error instanceof Error ? error.message : String(error);
  }
}

/** Rejects ApiError: the name or the password is wrong, or one has to wait. */
export async function logIn(name: string, password: string): Promise<void> {
  await request("POST", "/api/session/", { name, password });
  await recognise();
}

/** Ends the session, and shows the login form. */
export async function logOut(): Promise<void> {
  await request("DELETE", "/api/session/");
  forget();
  session.value = null;
  isLoginShown.value = true;
}

loginWanted.subscribe((times) => {
  if (times > 0) isLoginShown.value = true;
});
