import type { AuditEntry } from "../domain/audit.ts";
import { brokerLabel, parseBrokerUrl } from "../domain/broker.ts";
import { invalid } from "../domain/errors.ts";
import { integer, object, type Params } from "../domain/fields.ts";
import { masked } from "./mask.ts";
import { respond } from "./respond.ts";
import type { Call } from "./routes.ts";
import { time } from "./views.ts";

export const AUDIT_PARAMS = ["limit", "before"] as const;

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;
/** Of one value: long arguments are not what somebody looks for here. */
const MAX_VALUE = 500;

/** What all branches were asked to change, newest first. */
export async function listAudit(call: Call): Promise<Response> {
  const { limit: given, before } = call.params;
  const limit = given === undefined || given === null ? DEFAULT_LIMIT : integer("limit", given, 1, MAX_LIMIT);
  const beforeMs = before === undefined || before === null ? Number.MAX_SAFE_INTEGER : moment(before);
  const own = call.controller.audit.list(limit, beforeMs).map((entry) => auditView(entry, call.branchId));
  const query = new URLSearchParams({ limit: String(limit), ...(typeof before === "string" && { before }) });
  const others = (await call.others(`/api/audit/?${query.toString()}`)).flat() as { at: string }[];
  const all = [...own, ...others].toSorted((a, b) => (a.at < b.at ? 1 : Number(a.at > b.at) * -1));
  // As each branch does: what was asked for in one moment is told together, so that the next question begins behind it.
  const last = all[limit - 1]?.at;
  return respond(
    200,
    all.filter(({ at }, index) => index < limit || at === last),
  );
}

function moment(raw: unknown): number {
  const ms = typeof raw === "string" ? Date.parse(raw) : Number.NaN;
  if (Number.isNaN(ms)) throw invalid("before", "the time of an entry, such as 2026-11-22T05:00:00.000Z", raw);
  return ms;
}

const auditView = ({ atMs, who, role, by, from, method, path, params, status }: AuditEntry, branch: string) => ({
  at: time(atMs),
  who,
  role,
  by,
  from,
  branch,
  method,
  path,
  params,
  status,
});

/** Parameters as they may be kept: without secrets, and no longer than somebody reads. */
export function auditParams(params: Params): Record<string, unknown> {
  const plain = { ...params, ...unread(params, "env", variables), ...unread(params, "broker", brokerOf) };
  const kept = masked({ ...plain, ...unread(params, "hostname", hostOf) }) as Params;
  return Object.fromEntries(Object.entries(kept).map(([name, value]) => [name, shortened(value)]));
}

/** Nobody has read it yet, and it may be wrong: what cannot be read is null, since nobody knows where in it the secret is. */
const unread = (params: Params, name: string, read: (raw: string) => unknown): Params => {
  const raw = params[name];
  return typeof raw === "string" ? { [name]: orNull(() => read(raw)) } : {};
};

const variables = (raw: string) => object("env", raw);
const brokerOf = (raw: string) => brokerLabel(parseBrokerUrl("broker", raw));
const hostOf = (raw: string) => (/[@/]/.test(raw) ? null : raw);

function orNull(read: () => unknown): unknown {
  try {
    return read();
  } catch {
    return null;
  }
}

function shortened(value: unknown): unknown {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  return text.length <= MAX_VALUE ? value : `${text.slice(0, MAX_VALUE)}… (${text.length} characters)`;
}
