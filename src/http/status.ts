import type { InstanceDetail } from "../controller/instances.ts";
import type { Call } from "./routes.ts";
import { respond } from "./respond.ts";
import { branchView, depthView, healthView, otherBranchView, type instanceView } from "./views.ts";

/** All that matters of this branch at once; other branches are not asked. */
export async function showStatus(
  { controller }: Call,
  showInstance: (detail: InstanceDetail) => ReturnType<typeof instanceView>,
): Promise<Response> {
  const { workers, branches, depths, health, live } = controller;
  const branch = branchView(branches.own());
  const isRunning = branch.pid !== null;
  // A command without a daemon has no connection to a broker yet.
  const [details] = await Promise.all([workers.details(), isRunning ? depths.refresh() : undefined]);
  const instances = details.map(showInstance);
  return respond(200, {
    branch: { ...branch, running: isRunning },
    held: instances.filter((instance) => instance.is_held).length,
    health: healthView(health.report()),
    instances,
    queues: live.wishes().queues.map((queue) => depthView(queue, depths.of(queue.app, queue.name))),
    branches: branches.others().map(otherBranchView),
  });
}
