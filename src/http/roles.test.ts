import { expect, test } from "bun:test";
import { routes } from "./routes.ts";

/** Who may do what, route by route: a change of this list is a decision. */
const OPEN = ["GET /ping", "GET /api/session", "POST /api/session", "DELETE /api/session"];
const OPERATOR = [
  "POST /api/workers/start",
  "POST /api/workers/restart",
  "POST /api/workers/shutdown",
  "PUT·POST /:app/instances",
  "PUT·POST /:app/instances/:name",
  "DELETE /:app/instances/:name",
  "POST /:app/instances/:name/restart",
  "POST /:app/instances/:name/enable",
  "POST /:app/instances/:name/disable",
  "POST /:app/instances/:name/move",
  "POST /:app/instances/:name/autoscale",
  "PUT·POST /:app/instances/:name/queues/:queue",
  "DELETE /:app/instances/:name/queues/:queue",
  "POST /:app/task/:queue/:task",
];
const ADMIN = [
  "DELETE /branches/:branch",
  "GET /api/users",
  "GET /api/users/:user",
  "PUT·POST /api/users/:user",
  "DELETE /api/users/:user",
  "GET /api/tokens",
  "GET /api/tokens/:token",
  "PUT·POST /api/tokens/:token",
  "DELETE /api/tokens/:token",
  "GET /api/audit",
  "PUT·POST /:app",
  "DELETE /:app",
  "PUT·POST /:app/queues/:queue",
  "DELETE /:app/queues/:queue",
];

const rows = routes.map(({ methods, pattern, role }) => ({ row: `${methods.join("·")} ${pattern}`, role }));
const of = (wanted: string) => rows.flatMap(({ row, role }) => (role === wanted ? [row] : [])).toSorted();

test("nobody has to be known for these", () => expect(of("open")).toEqual(OPEN.toSorted()));
test("an operator may do these", () => expect(of("operator")).toEqual(OPERATOR.toSorted()));
test("only an admin may do these", () => expect(of("admin")).toEqual(ADMIN.toSorted()));
test("a viewer reads all else, and changes nothing", () => {
  expect(of("viewer").filter((row) => !row.startsWith("GET "))).toEqual([]);
  expect(of("viewer").length + OPEN.length + OPERATOR.length + ADMIN.length).toBe(routes.length);
});
