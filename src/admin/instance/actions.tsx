import { signal, useSignal, type Signal } from "@preact/signals";
import { path, request } from "../api/request.ts";
import type { Instance } from "../api/types.ts";
import { act, DONE, warningOf, type Verb } from "../instances/actions.ts";
import { EditInstance } from "../instances/instance-form.tsx";
import { Button } from "../kit/button.tsx";
import { confirm, Dialog } from "../kit/dialog.tsx";
import { FormError, SelectField, useForm } from "../kit/form.tsx";
import { branches } from "../state/live.ts";
import { go, href } from "../state/router.ts";
import { may } from "../state/session.ts";
import { attempt, say } from "../state/toasts.ts";

type Open = "edit" | "move" | null;

/** Everything that can be done to one instance as a whole; nothing for viewers. */
export function Actions({ instance }: { readonly instance: Instance }) {
  const doing = useSignal<Verb | null>(null);
  const open = useSignal<Open>(null);
  if (!may("operator")) return null;
  const { name, is_enabled: isEnabled, is_held: isHeld, branch } = instance;
  const others = [...branches.value.values()].filter(({ id, is_up: isUp }) => isUp && id !== branch);
  const run = async (verb: Verb) => {
    const warning = warningOf(verb, [name]);
    const hasStandin = signal(false);
    const text = (
      <>
        <p>{warning?.text}</p>
        {verb === "restart" && <Standin isWanted={hasStandin} />}
      </>
    );
    if (warning && !(await confirm({ ...warning, text }))) return;
    doing.value = verb;
    const way = verb === "restart" && hasStandin.value ? "restart one by one" : verb;
    const isDone = await attempt(() => act(way, instance), `Instance ${name} is ${DONE[verb]}`);
    doing.value = null;
    if (isDone && verb === "delete") go(href("instances"));
  };
  const shared = (verb: Verb) => ({
    busy: doing.value === verb,
    disabled: doing.value !== null,
    onClick: () => void run(verb),
  });
  return (
    <>
      {(!isEnabled || isHeld) && (
        <Button icon="play" kind="main" {...shared("enable")}>
          Enable
        </Button>
      )}
      {isEnabled && (
        <Button icon="restart" {...shared("restart")}>
          Restart
        </Button>
      )}
      {isEnabled && (
        <Button icon="stop" {...shared("disable")}>
          Disable
        </Button>
      )}
      <Button icon="edit" onClick={() => (open.value = "edit")}>
        Edit
      </Button>
      <Button
        icon="move"
        disabled={others.length === 0}
        title={others.length === 0 ? "There is no other branch that is up" : undefined}
        onClick={() => (open.value = "move")}
      >
        Move
      </Button>
      <Button icon="trash" {...shared("delete")}>
        Delete
      </Button>
      {open.value === "edit" && <EditInstance instance={instance} onClose={() => (open.value = null)} />}
      {open.value === "move" && (
        <Move instance={instance} to={others.map(({ id }) => id)} onClose={() => (open.value = null)} />
      )}
    </>
  );
}

/** A restart that waits for its turn in the app, and leaves no queue alone. */
function Standin({ isWanted }: { readonly isWanted: Signal<boolean> }) {
  return (
    <label class="check">
      <input
        type="checkbox"
        checked={isWanted.value}
        onChange={(event) => (isWanted.value = event.currentTarget.checked)}
      />
      With another worker that consumes in its place meanwhile
    </label>
  );
}

/** The other branch starts a worker before this one stops. */
const WAIT_S = 600;

interface MoveProps {
  readonly instance: Instance;
  readonly to: readonly string[];
  readonly onClose: () => void;
}

function Move({ instance: { app, name, branch }, to, onClose }: MoveProps) {
  const form = useForm({ branch: to[0] ?? "" });
  const submit = form.submit(async (values) => {
    await request("POST", `${path(app, "instances", name)}move/?timeout=${WAIT_S}`, values);
    say("done", `Instance ${name} is on ${values.branch} now`);
    onClose();
  });
  return (
    <Dialog title={`Move ${name}`} onClose={onClose}>
      <form onSubmit={submit} novalidate>
        <div class="dialog-body">
          <FormError errors={form.errors} known={["branch"]} />
          <SelectField
            form={form}
            name="branch"
            label={`From ${branch} to`}
            options={to}
            hint="The worker there answers before the one here stops, so nothing waits. Its log stays behind."
          />
        </div>
        <footer>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" kind="main" busy={form.isBusy.value}>
            {form.isBusy.value ? "Moving" : "Move"}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
