import { Button } from "../kit/button.tsx";
import { Dialog } from "../kit/dialog.tsx";
import { FormError, TextField, useForm } from "../kit/form.tsx";
import { Logo } from "./logo.tsx";
import { logIn, session } from "../state/session.ts";

/** Asks for name and password, over whatever is shown: a form that was half filled in is there afterwards. */
export function Login() {
  const form = useForm({ name: session.value?.name ?? "", password: "" });
  const submit = form.submit(async ({ name, password }) => {
    try {
      await logIn(name, password);
    } finally {
      form.set({ password: "" });
    }
  });
  const isAgain = session.value !== null;
  return (
    <Dialog title={isAgain ? "Log in again" : "Log in to Cyme"}>
      <form class="login" onSubmit={submit} novalidate>
        {isAgain ? <p>The session has ended. What you were at stays as it is.</p> : <Logo />}
        <FormError errors={form.errors} known={["name", "password"]} />
        <TextField form={form} name="name" label="Name" autocomplete="username" autofocus={!form.values.value.name} />
        <TextField
          form={form}
          name="password"
          label="Password"
          type="password"
          autocomplete="current-password"
          autofocus={Boolean(form.values.value.name)}
        />
        <Button type="submit" kind="main" busy={form.isBusy.value}>
          {form.isBusy.value ? "Logging in" : "Log in"}
        </Button>
        <p class="hint">
          Users are made with <code>cyme createsuperuser</code> or <code>cyme users.add</code>.
        </p>
      </form>
    </Dialog>
  );
}
