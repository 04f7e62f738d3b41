import { parseTaskFilter } from "../controller/task-list.ts";
import type { Call } from "./routes.ts";
import { respond } from "./respond.ts";
import { taskRowView } from "./views.ts";

export const TASK_LIST_PARAMS = ["app", "state", "limit", "before"];

/** Tasks of all branches, the last heard of first. */
export async function listTasks(call: Call): Promise<Response> {
  const { controller, params, branchId } = call;
  const filter = parseTaskFilter(params);
  const own = controller.taskList.latest(filter).map((task) => taskRowView(task, branchId));
  const others = await call.others(`/api/tasks/?${queryOf(params)}`);
  if (others.length === 0) return respond(200, own);
  const all = [...own, ...(others.flat() as { touched_at: string }[])];
  const sorted = all.toSorted((a, b) => (a.touched_at < b.touched_at ? 1 : -1));
  // As each branch does: what was heard of in one moment is told together, so that the next question begins behind it.
  const last = sorted[filter.limit - 1]?.touched_at;
  return respond(
    200,
    sorted.filter(({ touched_at: at }, index) => index < filter.limit || at === last),
  );
}

function queryOf(params: Call["params"]): string {
  const given = TASK_LIST_PARAMS.flatMap((name) => {
    const value = params[name];
    return value === undefined || value === null ? [] : [[name, String(value)] satisfies [string, string]];
  });
  return new URLSearchParams(given).toString();
}
