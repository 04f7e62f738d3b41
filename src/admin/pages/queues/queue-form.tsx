import { path, request } from "../../api/request.ts";
import type { Queue } from "../../api/types.ts";
import { Button } from "../../kit/button.tsx";
import { Dialog } from "../../kit/dialog.tsx";
import { FormError, SelectField, TextArea, TextField, useForm } from "../../kit/form.tsx";
import { apps, queues } from "../../state/live.ts";
import { queueKey } from "../../state/model.ts";
import { say } from "../../state/toasts.ts";
import { atField, taken } from "../named.ts";

const TYPES = ["direct", "topic", "fanout", "headers"];
const FIELDS = ["app", "name", "exchange", "exchange_type", "routing_key", "options"];

interface Fields {
  readonly app: string;
  readonly name: string;
  readonly exchange: string;
  readonly exchange_type: string;
  readonly routing_key: string;
  readonly options: string;
}

const fieldsOf = (queue: Queue): Fields => ({
  app: queue.app,
  name: queue.name,
  exchange: queue.exchange,
  exchange_type: queue.exchange_type,
  routing_key: queue.routing_key,
  options: queue.options === null ? "" : JSON.stringify(queue.options, null, 2),
});

const emptyFields = (app: string): Fields => ({
  app,
  name: "",
  exchange: "",
  exchange_type: "direct",
  routing_key: "",
  options: "",
});

interface QueueFormProps {
  /** The declaration to change; null declares a new one. */
  readonly queue: Queue | null;
  /** Chosen at the beginning. */
  readonly app: string;
  readonly onClose: () => void;
}

/** Declares a queue, or changes its declaration. */
export function QueueForm({ queue, app, onClose }: QueueFormProps) {
  const before = queue ? fieldsOf(queue) : emptyFields(app);
  const form = useForm<Fields>(before);
  const save = form.submit(async (fields) => {
    if (!queue && queues.value.has(queueKey(fields))) throw taken("Queue", fields.name);
    await atField("queue name", "name", () =>
      request(queue ? "PUT" : "POST", path(fields.app, "queues", fields.name), changes(before, fields)),
    );
    say("done", `Queue ${fields.name} is ${queue ? "changed" : "declared"}`);
    onClose();
  });
  const types = TYPES.includes(before.exchange_type) ? TYPES : [before.exchange_type, ...TYPES];
  const appNames = [...apps.value.keys()].toSorted();
  return (
    <Dialog title={queue ? `Change queue ${queue.name}` : "Declare queue"} onClose={onClose}>
      <form onSubmit={save}>
        <div class="dialog-body">
          <FormError errors={form.errors} known={FIELDS} />
          {!queue && <SelectField form={form} name="app" label="App" options={appNames} />}
          {!queue && <TextField form={form} name="name" label="Name" mono required autofocus />}
          <TextField form={form} name="exchange" label="Exchange" mono placeholder={form.values.value.name} />
          <SelectField form={form} name="exchange_type" label="Exchange type" options={types} />
          <TextField form={form} name="routing_key" label="Routing key" mono placeholder={form.values.value.name} />
          <TextArea
            form={form}
            name="options"
            label="Options"
            placeholder={'{"durable": false}'}
            hint="A JSON object: those of kombu's queues, such as queue_arguments."
          />
          {queue && <p class="hint">Workers that consume it take the change by a warm restart.</p>}
        </div>
        <footer>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="main" type="submit" busy={form.isBusy.value}>
            {queue ? "Save" : "Declare"}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}

/** The parameters that were changed; null, which is the default, where a field was emptied. */
function changes(before: Fields, after: Fields): Record<string, string | null> {
  const { app: _, name: __, ...parameters } = after;
  const changed = Object.entries(parameters).filter(([key, value]) => value !== before[key as keyof Fields]);
  return Object.fromEntries(changed.map(([key, value]) => [key, value.trim() === "" ? null : value]));
}
