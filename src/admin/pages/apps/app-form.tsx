import { path, request } from "../../api/request.ts";
import type { App } from "../../api/types.ts";
import { Button } from "../../kit/button.tsx";
import { Dialog } from "../../kit/dialog.tsx";
import { FormError, TextArea, TextField, useEditForm } from "../../kit/form.tsx";
import { apps } from "../../state/live.ts";
import { say } from "../../state/toasts.ts";
import { atField, taken } from "../named.ts";
import { brokerText, changes, fieldsOf, NO_FIELDS } from "./fields.ts";

const FIELDS = ["name", ...Object.keys(NO_FIELDS)];

/** Adds an app, or changes the one that is given. */
export function AppForm({ app, onClose }: { readonly app: App | null; readonly onClose: () => void }) {
  const form = useEditForm({ name: app?.name ?? "", ...(app ? fieldsOf(app) : NO_FIELDS) });
  const save = form.submit(async ({ name, ...fields }) => {
    if (!app && apps.value.has(name)) throw taken("App", name);
    await atField("app name", "name", () =>
      request(app ? "PUT" : "POST", path(name), changes(form.before.value, fields)),
    );
    say("done", app ? `App ${name} is changed` : `App ${name} is there`);
    onClose();
  });
  return (
    <Dialog title={app ? `Edit app ${app.name}` : "Add app"} onClose={onClose} wide>
      <form onSubmit={save}>
        <div class="dialog-body">
          <FormError errors={form.errors} known={FIELDS} />
          <div class="fields">
            {!app && <TextField form={form} name="name" label="Name" mono required autofocus />}
            <TextField
              form={form}
              name="broker"
              label="Broker URL"
              mono
              placeholder="amqp://user:password@host:5672/vhost"
              hint={app ? `Now ${brokerText(app)}; empty leaves it as it is.` : "Empty is the broker of the branch."}
            />
            <TextField
              form={form}
              name="arguments"
              label="Arguments"
              mono
              placeholder="-A project"
              hint="For celery worker, as in a shell."
            />
            <TextField
              form={form}
              name="extra_config"
              label="Configuration"
              mono
              placeholder="worker_max_tasks_per_child=100"
              hint="Celery's settings, as key=value words."
            />
            <TextField form={form} name="command" label="Command" mono placeholder="/srv/venv/bin/celery" />
            <TextField form={form} name="cwd" label="Working directory" mono placeholder="/srv/project" />
            <TextArea form={form} name="env" label="Environment" hint="One NAME=value on each line." />
            <TextField
              form={form}
              name="stop_timeout"
              label="Stop timeout"
              type="number"
              placeholder="60"
              hint="Seconds that running tasks have when a worker is stopped."
            />
          </div>
          {app && <p class="hint">What workers must know restarts them one by one.</p>}
        </div>
        <footer>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="main" type="submit" busy={form.isBusy.value}>
            {app ? "Save" : "Add"}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
