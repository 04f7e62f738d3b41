import { Button } from "../../kit/button.tsx";
import { Dialog } from "../../kit/dialog.tsx";
import { FormError, SelectField, TextArea, TextField, useForm } from "../../kit/form.tsx";
import { apps } from "../../state/live.ts";
import { go, href } from "../../state/router.ts";
import { atField } from "../named.ts";
import { useQueueChoice } from "./queue-choice.tsx";
import { sendNamed } from "./send.ts";

const FIELDS = ["app", "queue", "task", "args", "kwargs", "eta", "expires", "priority"];

/** Sends a task of the app's own, and goes to it. */
export function TaskForm({ app, onClose }: { readonly app: string; readonly onClose: () => void }) {
  const form = useForm({ app, queue: "", task: "", args: "", kwargs: "", eta: "", expires: "", priority: "" });
  const choice = useQueueChoice(form.values.value, (queue) => form.set({ queue }));
  const send = form.submit(async ({ app: chosen, queue, task, ...params }) => {
    const uuid = await atField("task name", "task", () => sendNamed({ app: chosen, queue, task, params }));
    onClose();
    go(href("tasks", uuid, { app: chosen }));
  });
  return (
    <Dialog title="Send a task" onClose={onClose}>
      <form onSubmit={send}>
        <div class="dialog-body">
          <FormError errors={form.errors} known={FIELDS} />
          <SelectField form={form} name="app" label="App" options={[...apps.value.keys()].toSorted()} />
          <SelectField form={form} name="queue" label="Queue" {...choice} />
          <TextField form={form} name="task" label="Task name" mono required autofocus placeholder="shop.tasks.add" />
          <TextArea form={form} name="args" label="Arguments (JSON list)" placeholder="[2, 3]" rows={2} />
          <TextArea form={form} name="kwargs" label="Named arguments (JSON object)" placeholder="{}" rows={2} />
          <TextField form={form} name="eta" label="Not before" mono placeholder="2030-01-01T10:00:00Z" />
          <TextField form={form} name="expires" label="Expires" mono hint="Seconds from now, or a moment." />
          <TextField form={form} name="priority" label="Priority" type="number" min={0} max={255} />
        </div>
        <footer>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="main" type="submit" busy={form.isBusy.value}>
            Send
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
