import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { path, request } from "../api/request.ts";
import type { Instance } from "../api/types.ts";
import { several } from "../kit/numbers.ts";
import { Card, Empty } from "../kit/parts.tsx";
import { apps, queues } from "../state/live.ts";
import { queueKey } from "../state/model.ts";
import { href } from "../state/router.ts";
import { may } from "../state/session.ts";
import { attempt } from "../state/toasts.ts";

/** The queues of the app, those that the instance consumes from ticked: ticking one has the worker consume. */
export function Consumers({ instance }: { readonly instance: Instance }) {
  const { app, name, queues: consumed } = instance;
  const all = [...new Set([...(apps.value.get(app)?.queues ?? []), ...consumed])].toSorted();
  return (
    <Card title="Consumes from">
      {all.length === 0 ? (
        <Empty icon="queues">
          <p>The app declares no queue. {may("admin") && <a href={href("queues", { app })}>Declare one</a>}</p>
        </Empty>
      ) : (
        <ul class="consumers">
          {all.map((queue) => (
            <Consumer key={queue} app={app} instance={name} queue={queue} isConsumed={consumed.includes(queue)} />
          ))}
        </ul>
      )}
    </Card>
  );
}

interface ConsumerProps {
  readonly app: string;
  readonly instance: string;
  readonly queue: string;
  readonly isConsumed: boolean;
}

function Consumer({ app, instance, queue, isConsumed }: ConsumerProps) {
  /** Shown until the branch tells of it, which may be a moment after its answer. */
  const wished = useSignal<boolean | null>(null);
  const isBusy = useSignal(false);
  useEffect(() => {
    wished.value = null;
  }, [isConsumed]);
  const known = queues.value.get(queueKey({ app, name: queue }));
  const toggle = async (isOn: boolean) => {
    wished.value = isOn;
    isBusy.value = true;
    const place = path(app, "instances", instance, "queues", queue);
    const done = isOn ? `${instance} consumes from ${queue}` : `${instance} consumes from ${queue} no more`;
    if (!(await attempt(() => request(isOn ? "POST" : "DELETE", place), done))) wished.value = null;
    isBusy.value = false;
  };
  return (
    <li>
      <label class="check">
        <input
          type="checkbox"
          checked={wished.value ?? isConsumed}
          disabled={isBusy.value || !may("operator")}
          aria-busy={isBusy.value}
          onChange={(event) => void toggle(event.currentTarget.checked)}
        />
        <span class="mono">{queue}</span>
      </label>
      <span class="dim">
        {known ? `${several(known.messages, "message")} · ${several(known.consumers, "consumer")}` : "not declared"}
      </span>
    </li>
  );
}
