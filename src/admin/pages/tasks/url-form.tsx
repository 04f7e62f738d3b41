import { Button } from "../../kit/button.tsx";
import { Dialog } from "../../kit/dialog.tsx";
import { FormError, SelectField, TextArea, TextField, useForm } from "../../kit/form.tsx";
import { apps } from "../../state/live.ts";
import { go, href } from "../../state/router.ts";
import { queueNames } from "./queue-names.ts";
import { hasBody, sendUrl, VERBS, type UrlSend } from "./send.ts";

const FIELDS = ["app", "queue", "verb", "url", "body", "type"];
const TYPES = ["application/x-www-form-urlencoded", "application/json", "text/plain"];

/** Queues a URL, and goes to its task. */
export function UrlForm({ app, onClose }: { readonly app: string; readonly onClose: () => void }) {
  const [queue = ""] = queueNames(app);
  const form = useForm<UrlSend>({ app, queue, verb: "GET", url: "", body: "", type: TYPES[0] ?? "" });
  const { app: chosen, verb } = form.values.value;
  const queues = queueNames(chosen);
  const send = form.submit(async (values) => {
    // Of another app than it was chosen for.
    const to = queues.includes(values.queue) ? values.queue : (queues[0] ?? "");
    const uuid = await sendUrl({ ...values, queue: to });
    onClose();
    go(href("tasks", uuid, { app: values.app }));
  });
  return (
    <Dialog title="Send a URL" onClose={onClose}>
      <form onSubmit={send}>
        <div class="dialog-body">
          <p class="hint">A worker performs this request; what the web server answers is the result.</p>
          <FormError errors={form.errors} known={FIELDS} />
          <SelectField form={form} name="app" label="App" options={[...apps.value.keys()].toSorted()} />
          <SelectField form={form} name="queue" label="Queue" options={queues} />
          <SelectField form={form} name="verb" label="Method" options={VERBS} />
          <TextField form={form} name="url" label="URL" mono required autofocus placeholder="https://host/path" />
          {hasBody(verb) && (
            <>
              <TextArea form={form} name="body" label="Body" />
              <TextField form={form} name="type" label="Content type" mono suggestions={TYPES} />
            </>
          )}
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
