import { useEffect } from "preact/hooks";
import { instances, queues } from "../../state/live.ts";
import { queueKey } from "../../state/model.ts";
import { queueNames } from "./queue-names.ts";
import { unheard } from "./unheard.ts";

interface Place {
  readonly app: string;
  readonly queue: string;
}

/** What unheard() says of a queue now. */
export const unheardNow = ({ app, queue }: Place) =>
  unheard({ app, queue }, queues.value.get(queueKey({ app, name: queue })), instances.value.values());

/**
 * For the field of the queue: those of the app, of which `choose` gets the first one whenever the app is another one; and what is to be said
 * where nobody would take the task.
 */
export function useQueueChoice({ app, queue }: Place, choose: (queue: string) => void) {
  const options = queueNames(app);
  useEffect(() => choose(options[0] ?? ""), [app]);
  const trouble = unheardNow({ app, queue });
  return { options, hint: trouble && <span class="warning">{trouble}</span> };
}
