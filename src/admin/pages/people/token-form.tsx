import { useSignal } from "@preact/signals";
import { path, request } from "../../api/request.ts";
import { Button } from "../../kit/button.tsx";
import { confirm, Dialog } from "../../kit/dialog.tsx";
import { FormError, SelectField, TextField, useForm } from "../../kit/form.tsx";
import { session } from "../../state/session.ts";
import { atField } from "../named.ts";
import { ROLES } from "./types.ts";

interface TokenFormProps {
  readonly onClose: () => void;
  /** After it was made. */
  readonly onDone: () => void;
}

interface Made {
  readonly name: string;
  readonly token: string;
}

/** Makes a token, and shows it: once, since the branch keeps only its hash. */
export function TokenForm({ onClose, onDone }: TokenFormProps) {
  const made = useSignal<Made | null>(null);
  const form = useForm<{ name: string; role: string; expires: string }>({
    name: "",
    // Who is the first has to be one who can add others.
    role: session.value?.is_open ? "admin" : "viewer",
    expires: "90d",
  });
  const save = form.submit(async ({ name, role, expires }) => {
    const given = { role, ...(expires.trim() !== "" && { expires }) };
    made.value = await atField("token name", "name", () => request<Made>("POST", path("api", "tokens", name), given));
    onDone();
  });
  if (made.value) return <MadeToken {...made.value} onClose={onClose} />;
  return (
    <Dialog title="Add token" onClose={onClose}>
      <form onSubmit={save}>
        <div class="dialog-body">
          <FormError errors={form.errors} known={["name", "role", "expires"]} />
          <TextField
            form={form}
            name="name"
            label="Name"
            mono
            required
            autofocus
            hint="What it is for, as ci-deploy."
          />
          <SelectField form={form} name="role" label="Role" options={ROLES} />
          <TextField form={form} name="expires" label="Expires" mono hint="After 90d or 12h; empty is never." />
        </div>
        <footer>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="main" type="submit" busy={form.isBusy.value}>
            Add
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}

function MadeToken({ name, token, onClose }: Made & { readonly onClose: () => void }) {
  const copied = useSignal<"no" | "yes" | "failed">("no");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(token);
      copied.value = "yes";
    } catch {
      // Over plain HTTP from another machine browsers give no clipboard.
      copied.value = "failed";
    }
  };
  const leave = async () => {
    const question = {
      title: "Close without a copy?",
      text: <p>The token is never shown again. What was not copied has to be made anew.</p>,
      verb: "Close",
    };
    if (copied.value === "yes" || (await confirm(question))) onClose();
  };
  return (
    <Dialog title={`Token ${name}`} onClose={() => void leave()}>
      <div class="dialog-body">
        <p>This is the only time that it is shown: keep it now.</p>
        <div class="secret">
          <code>{token}</code>
          <Button icon={copied.value === "yes" ? "check" : "copy"} onClick={() => void copy()}>
            Copy
          </Button>
        </div>
        <p role="status" class="hint">
          {copied.value === "yes" && "Copied"}
          {copied.value === "failed" && "The browser does not allow copying: select it and copy it yourself."}
        </p>
      </div>
      <footer>
        <Button kind="main" onClick={onClose}>
          Done
        </Button>
      </footer>
    </Dialog>
  );
}
