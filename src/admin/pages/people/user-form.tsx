import { path, request } from "../../api/request.ts";
import type { Role } from "../../api/types.ts";
import { Button } from "../../kit/button.tsx";
import { Dialog } from "../../kit/dialog.tsx";
import { FormError, SelectField, TextField, useForm } from "../../kit/form.tsx";
import { session } from "../../state/session.ts";
import { say } from "../../state/toasts.ts";
import { atField } from "../named.ts";
import { ROLES, type User } from "./types.ts";

interface UserFormProps {
  /** Whom to change; null adds somebody. */
  readonly user: User | null;
  readonly onClose: () => void;
  /** After it was done. */
  readonly onDone: () => void;
}

/** Adds a user, or changes role and password of one. */
export function UserForm({ user, onClose, onDone }: UserFormProps) {
  // Who is the first has to be one who can add others.
  const role: Role = user?.role ?? (session.value?.is_open ? "admin" : "viewer");
  const form = useForm<{ name: string; password: string; role: string }>({
    name: user?.name ?? "",
    password: "",
    role,
  });
  const save = form.submit(async ({ name, password, role: chosen }) => {
    const given = { ...(password !== "" && { password }), ...(chosen !== user?.role && { role: chosen }) };
    await atField("user name", "name", () => request(user ? "PUT" : "POST", path("api", "users", name), given));
    say("done", user ? `User ${name} is changed` : `User ${name} may log in`);
    onDone();
    onClose();
  });
  return (
    <Dialog title={user ? `Change user ${user.name}` : "Add user"} onClose={onClose}>
      <form onSubmit={save}>
        <div class="dialog-body">
          <FormError errors={form.errors} known={["name", "password", "role"]} />
          {!user && <TextField form={form} name="name" label="Name" mono required autofocus />}
          <TextField
            form={form}
            name="password"
            label="Password"
            type="password"
            autocomplete="new-password"
            required={!user}
            hint={user ? "Empty leaves it as it is." : "At least 8 characters."}
          />
          <SelectField form={form} name="role" label="Role" options={ROLES} />
          {user && <p class="hint">A change ends the sessions of {user.name}.</p>}
        </div>
        <footer>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="main" type="submit" busy={form.isBusy.value}>
            {user ? "Save" : "Add"}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
