import type { ComponentChildren } from "preact";
import { path, request } from "../api/request.ts";
import type { Instance } from "../api/types.ts";
import { Button } from "../kit/button.tsx";
import { Dialog } from "../kit/dialog.tsx";
import {
  Field,
  FormError,
  SelectField,
  TextArea,
  TextField,
  useEditForm,
  useForm,
  type FormState,
} from "../kit/form.tsx";
import { apps, branches } from "../state/live.ts";
import { go, href } from "../state/router.ts";
import { may } from "../state/session.ts";
import { say } from "../state/toasts.ts";
import { ADMIN_FIELDS, changesOf, newValues, POOLS, valuesOf, type InstanceValues } from "./fields.ts";

type Form = FormState<InstanceValues>;

/** Starting a worker may take long, on a machine that is busy. */
const WAIT_S = 300;

/** Asks for a new instance and adds it. */
export function AddInstance({ app, onClose }: { readonly app: string; readonly onClose: () => void }) {
  const names = [...apps.value.keys()].toSorted();
  const fresh = newValues(app || (names[0] ?? ""));
  const form = useForm(fresh);
  const submit = form.submit(async (values) => {
    // Bounds that were left as they are follow each other.
    const params = changesOf(fresh, values);
    const place = values.name === "" ? path(values.app, "instances") : path(values.app, "instances", values.name);
    const { name } = await request<Instance>("POST", `${place}?timeout=${WAIT_S}`, params);
    onClose();
    say("done", `Instance ${name} is there`);
    go(href("instances", name));
  });
  return (
    <Dialog title="Add an instance" onClose={onClose} wide>
      {names.length === 0 ? (
        <div class="dialog-body">
          <p>
            An instance belongs to an app, and there is none yet.{" "}
            {may("admin") ? <a href={href("apps", { add: "1" })}>Add an app</a> : "An admin can add one."}
          </p>
        </div>
      ) : (
        <form onSubmit={submit} novalidate>
          <div class="dialog-body">
            <Errors form={form} />
            <div class="fields">
              <SelectField form={form} name="app" label="App" options={names} />
              <TextField
                form={form}
                name="name"
                label="Name"
                mono
                autofocus
                hint="Letters, digits and . _ -; empty for a name that is made up"
              />
              <SelectField form={form} name="branch" label="Branch" options={branchOptions()} />
              <Common form={form} />
            </div>
            <label class="check">
              <input
                type="checkbox"
                checked={form.values.value.is_enabled}
                onChange={(event) => form.set({ is_enabled: event.currentTarget.checked })}
              />
              Start it now
            </label>
            <Rare form={form} />
          </div>
          <Foot form={form} onClose={onClose} verb="Add instance" doing="Starting the worker" />
        </form>
      )}
    </Dialog>
  );
}

/** Changes an instance; only what was changed is sent. */
export function EditInstance({ instance, onClose }: { readonly instance: Instance; readonly onClose: () => void }) {
  const form = useEditForm(valuesOf(instance));
  const { app, name } = instance;
  const submit = form.submit(async (values) => {
    const params = changesOf(form.before.value, values);
    if (Object.keys(params).length > 0) {
      await request("PUT", `${path(app, "instances", name)}?timeout=${WAIT_S}`, params);
      say("done", `Instance ${name} is changed`);
    }
    onClose();
  });
  return (
    <Dialog title={`Edit ${name}`} onClose={onClose} wide>
      <form onSubmit={submit} novalidate>
        <div class="dialog-body">
          <Errors form={form} />
          <div class="fields">
            <Common form={form} />
          </div>
          <Rare form={form} isOpen />
          <p class="hint">What the worker has to see restarts it: running tasks are finished first.</p>
        </div>
        <Foot form={form} onClose={onClose} verb="Save" doing="Saving" />
      </form>
    </Dialog>
  );
}

const SHOWN_FIELDS = Object.keys(newValues("")).filter((name) => name !== "is_enabled");

const Errors = ({ form }: { readonly form: Form }) => <FormError errors={form.errors} known={SHOWN_FIELDS} />;

function branchOptions() {
  const up = [...branches.value.values()].filter(({ is_up: isUp }) => isUp).map(({ id }) => id);
  return [{ value: "", label: "any: the cluster chooses" }, ...up.toSorted()];
}

function Common({ form }: { readonly form: Form }) {
  return (
    <>
      <SelectField form={form} name="pool" label="Pool" options={POOLS} />
      <TextField form={form} name="max_concurrency" label="Most processes" type="number" min={1} max={10_000} />
      <TextField form={form} name="min_concurrency" label="Fewest processes" type="number" min={0} max={10_000} />
      <div class="is-whole">
        <QueueChoice form={form} />
      </div>
    </>
  );
}

/** The queues of the app, to pick from. */
function QueueChoice({ form }: { readonly form: Form }) {
  const { app, queues: chosen } = form.values.value;
  const all = [...new Set([...(apps.value.get(app)?.queues ?? []), ...chosen])].toSorted();
  const toggle = (name: string, isOn: boolean) =>
    form.set({ queues: (isOn ? [...chosen, name] : chosen.filter((other) => other !== name)).toSorted() });
  return (
    <Field name="queues" label="Consumes from" error={form.errors.value["queues"]}>
      {(control) => (
        <div class="picks" role="group" aria-label="Consumes from" {...control}>
          {all.length === 0 && <span class="dim">The app declares no queue.</span>}
          {all.map((name) => (
            <label key={name} class="pick">
              <input
                type="checkbox"
                checked={chosen.includes(name)}
                onChange={(event) => toggle(name, event.currentTarget.checked)}
              />
              <span class="mono">{name}</span>
            </label>
          ))}
        </div>
      )}
    </Field>
  );
}

/** What most instances take from their app. */
function Rare({ form, isOpen = false }: { readonly form: Form; readonly isOpen?: boolean }) {
  const isAdmin = may("admin");
  const isWrong = Object.keys(form.errors.value).some((name) => RARE.includes(name));
  const admin = (hint: ComponentChildren) => (isAdmin ? hint : "for admins alone");
  return (
    <details class="rare" open={isOpen || isWrong}>
      <summary>More: arguments, limits, environment</summary>
      <div class="fields">
        <TextField
          form={form}
          name="arguments"
          label="Arguments"
          mono
          hint={
            isAdmin ? "for celery worker; empty is as on the app" : "what tunes the worker, such as -l debug -O fair"
          }
        />
        <TextField
          form={form}
          name="extra_config"
          label="Extra configuration"
          mono
          disabled={!isAdmin}
          hint={admin("key=value words")}
        />
        <TextField
          form={form}
          name="max_memory"
          label="Most memory"
          mono
          hint="such as 512M: above it the worker is replaced"
        />
        <TextField
          form={form}
          name="max_age"
          label="Longest life"
          mono
          hint="seconds, after which the worker is replaced"
        />
        <TextField
          form={form}
          name="restart_max_rate"
          label="May die"
          mono
          hint="such as 1/m; more often disables it"
        />
        <TextField form={form} name="stop_timeout" label="Stop timeout" mono hint="seconds for running tasks" />
        <TextField
          form={form}
          name="broker"
          label="Broker"
          mono
          disabled={!isAdmin}
          hint={admin("a URL; empty leaves it")}
        />
        <TextField
          form={form}
          name="command"
          label="Command"
          mono
          disabled={!isAdmin}
          hint={admin("how to call Celery")}
        />
        <TextField
          form={form}
          name="cwd"
          label="Working directory"
          mono
          disabled={!isAdmin}
          hint={admin("an absolute path")}
        />
        <TextField form={form} name="user" label="User" mono disabled={!isAdmin} hint={admin("of the machine")} />
        <div class="is-whole">
          <TextArea
            form={form}
            name="env"
            label="Environment"
            disabled={!isAdmin}
            hint={admin("KEY=value, one to a line")}
          />
        </div>
      </div>
    </details>
  );
}

const RARE: readonly string[] = [
  "arguments",
  "max_memory",
  "max_age",
  "restart_max_rate",
  "stop_timeout",
  ...ADMIN_FIELDS,
];

function Foot(props: {
  readonly form: Form;
  readonly onClose: () => void;
  readonly verb: string;
  readonly doing: string;
}) {
  const { form, onClose, verb, doing } = props;
  return (
    <footer>
      <Button onClick={onClose}>Cancel</Button>
      <Button type="submit" kind="main" busy={form.isBusy.value}>
        {form.isBusy.value ? doing : verb}
      </Button>
    </footer>
  );
}
