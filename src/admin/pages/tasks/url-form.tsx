import { Button } from "../../kit/button.tsx";
import { Dialog } from "../../kit/dialog.tsx";
import { FormError, SelectField, TextArea, TextField, useForm } from "../../kit/form.tsx";
import { apps } from "../../state/live.ts";
import { go, href } from "../../state/router.ts";
import { useQueueChoice } from "./queue-choice.tsx";
import { hasBody, sendUrl, VERBS, type UrlSend } from "./send.ts";

const FIELDS = ["app", "queue", "verb", "url", "body", "type"];
const TYPES = ["application/x-www-form-urlencoded", "application/json", "text/plain"];

/** Queues a URL, and goes to its task. */
export function UrlForm({ app, onClose }: { readonly app: string; readonly onClose: () => void }) {
  const form = useForm<UrlSend>({ app, queue: "", verb: "GET", url: "", body: "", type: TYPES[0] ?? "" });
  const { verb } = form.values.value;
  const choice = useQueueChoice(form.values.value, (queue) => form.set({ queue }));
  const send = form.submit(async (values) => {
    const uuid = await sendUrl(values);
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
          <SelectField form={form} name="queue" label="Queue" {...choice} />
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
