import type { ComponentChildren } from "preact";
import { useSignal } from "@preact/signals";
import { path, request } from "../../api/request.ts";
import { Ago } from "../../kit/ago.tsx";
import { Button } from "../../kit/button.tsx";
import { confirm } from "../../kit/dialog.tsx";
import { useFetched } from "../../kit/fetched.ts";
import { Card, Empty, PageHead } from "../../kit/parts.tsx";
import { recognise, session } from "../../state/session.ts";
import { moment } from "../../state/time.ts";
import { attempt } from "../../state/toasts.ts";
import { TokenForm } from "./token-form.tsx";
import type { Token, User } from "./types.ts";
import { UserForm } from "./user-form.tsx";

/** Who may do what: people with passwords, and programs with tokens. */
export function PeoplePage() {
  const isOpen = session.value?.is_open ?? false;
  return (
    <>
      <PageHead title="Users and tokens" note="The same on every branch of the cluster" />
      {isOpen && (
        <p class="open-note">
          There are none, so everybody on this machine may do everything. With the first user or token every request
          needs one: make the first one an admin.
        </p>
      )}
      <Users />
      <Tokens />
    </>
  );
}

/* After a deletion it is asked who is there: it may have been the last one, or the own one. */

function Users() {
  const asked = useSignal(0);
  const { value, error } = useFetched<readonly User[]>("/api/users/", asked.value).value;
  const reload = () => {
    asked.value += 1;
  };
  const edited = useSignal<User | "new" | null>(null);
  const remove = async ({ name }: User) => {
    const isSure = await confirm({
      title: `Delete user ${name}?`,
      text: (
        <p>{name === session.value?.name ? "That is you: this session ends at once." : `Sessions of ${name} end.`}</p>
      ),
      verb: "Delete",
    });
    if (isSure && (await attempt(() => request("DELETE", path("api", "users", name)), `User ${name} is deleted`))) {
      reload();
      void recognise();
    }
  };
  return (
    <Card
      title="Users"
      actions={
        <Button icon="plus" onClick={() => (edited.value = "new")}>
          Add user
        </Button>
      }
    >
      <Trouble text={error} />
      <Table label="Users" columns={["Name", "Role", "Since"]} isEmpty={value?.length === 0} empty="There is no user.">
        {value?.map((user) => (
          <tr key={user.name}>
            <td class="mono">{user.name}</td>
            <td>{user.role}</td>
            <td>
              <Ago at={user.created_at} />
            </td>
            <td class="row-actions">
              <Button kind="quiet" icon="edit" label={`Change ${user.name}`} onClick={() => (edited.value = user)} />
              <Button kind="quiet" icon="trash" label={`Delete ${user.name}`} onClick={() => void remove(user)} />
            </td>
          </tr>
        ))}
      </Table>
      {edited.value !== null && (
        <UserForm
          user={edited.value === "new" ? null : edited.value}
          onClose={() => (edited.value = null)}
          onDone={reload}
        />
      )}
    </Card>
  );
}

function Tokens() {
  const asked = useSignal(0);
  const { value, error } = useFetched<readonly Token[]>("/api/tokens/", asked.value).value;
  const reload = () => {
    asked.value += 1;
  };
  const isAdding = useSignal(false);
  const remove = async ({ name }: Token) => {
    const text = <p>What uses it is refused from now on.</p>;
    const isSure = await confirm({ title: `Delete token ${name}?`, text, verb: "Delete" });
    if (isSure && (await attempt(() => request("DELETE", path("api", "tokens", name)), `Token ${name} is deleted`))) {
      reload();
      void recognise();
    }
  };
  return (
    <Card
      title="Tokens"
      actions={
        <Button icon="plus" onClick={() => (isAdding.value = true)}>
          Add token
        </Button>
      }
    >
      <Trouble text={error} />
      <Table
        label="Tokens"
        columns={["Name", "Role", "Since", "Expires"]}
        isEmpty={value?.length === 0}
        empty="There is no token."
      >
        {value?.map((token) => (
          <tr key={token.name}>
            <td class="mono">{token.name}</td>
            <td>{token.role}</td>
            <td>
              <Ago at={token.created_at} />
            </td>
            <td>
              <Expiry at={token.expires_at} />
            </td>
            <td class="row-actions">
              <Button kind="quiet" icon="trash" label={`Delete ${token.name}`} onClick={() => void remove(token)} />
            </td>
          </tr>
        ))}
      </Table>
      {isAdding.value && <TokenForm onClose={() => (isAdding.value = false)} onDone={reload} />}
    </Card>
  );
}

function Expiry({ at }: { readonly at: string | null }) {
  if (at === null) return <span class="dim">never</span>;
  if (Date.parse(at) <= Date.now()) return <span class="warning">has expired</span>;
  return <time dateTime={at}>{moment(at)}</time>;
}

function Trouble({ text }: { readonly text: string | null }) {
  if (text === null) return null;
  return (
    <p class="form-error" role="alert">
      {text}
    </p>
  );
}

interface TableProps {
  readonly label: string;
  readonly columns: readonly string[];
  readonly isEmpty: boolean;
  readonly empty: string;
  readonly children: ComponentChildren;
}

/** A short table, without sorting and scrolling of its own. */
function Table({ label, columns, isEmpty, empty, children }: TableProps) {
  if (isEmpty) return <Empty>{empty}</Empty>;
  return (
    <div class="scroll">
      <table class="table" aria-label={label}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
            <th scope="col">
              <span class="only-heard">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}
