import { computed } from "@preact/signals";
import type { App, Instance, Queue } from "../../api/types.ts";
import { instances, queues } from "../../state/live.ts";

/** An app with what it has. */
export interface AppRow {
  readonly app: App;
  readonly instances: readonly Instance[];
  readonly queues: readonly Queue[];
}

const members = computed(() => Map.groupBy(instances.value.values(), ({ app }) => app));
const declared = computed(() => Map.groupBy(queues.value.values(), ({ app }) => app));

export const rowOf = (app: App): AppRow => ({
  app,
  instances: members.value.get(app.name) ?? [],
  queues: declared.value.get(app.name) ?? [],
});
