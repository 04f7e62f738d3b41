import { path, request } from "../../api/request.ts";
import { confirm } from "../../kit/dialog.tsx";
import { count } from "../../kit/numbers.ts";
import { attempt } from "../../state/toasts.ts";
import { some } from "../named.ts";
import type { AppRow } from "./row.ts";

/** The workers stop one after the other, each with its tasks. */
const WAIT_S = 3600;

/** Asks, saying what stops, and deletes an app; gives whether it is gone. */
export async function removeApp({ app, instances, queues }: AppRow): Promise<boolean> {
  const names = instances.map(({ name }) => name);
  const text = (
    <>
      {names.length === 0 ? (
        <p>It has no instances.</p>
      ) : (
        <p>
          {names.length === 1 ? "Its instance is" : `Its ${count(names.length)} instances are`} stopped on every branch
          and deleted: <span class="mono">{some(names)}</span>. Running tasks may finish first.
        </p>
      )}
      {queues.length > 0 && (
        <p>Its {queues.length === 1 ? "queue is" : `${count(queues.length)} queues are`} deleted too.</p>
      )}
    </>
  );
  if (!(await confirm({ title: `Delete app ${app.name}?`, text, verb: "Delete" }))) return false;
  return attempt(() => request("DELETE", `${path(app.name)}?timeout=${WAIT_S}`), `App ${app.name} is deleted`);
}
