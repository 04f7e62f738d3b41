import { ROLES, type Role } from "../../domain/access.ts";
import { invalid } from "../../domain/errors.ts";
import { clientCommand, type ClientCall } from "../command.ts";
import type { Option } from "../option.ts";

const group = "Access";

const ROLE: Option = {
  name: "role",
  value: "role",
  about: "viewer, operator or admin",
  choices: ROLES,
};
const NEW_ROLE: Option = { ...ROLE, default: "viewer" };
const STDIN: Option = { name: "stdin", about: "Read the password from the first line of standard input" };
const PASSWORD =
  "The password is asked for without showing it, or is the first line of standard\n" +
  "input where that is no terminal or --stdin is given. 8 characters or more.";

// One of the option's choices.
const roleOf = ({ values }: ClientCall) => values.text("role") as Role | undefined;

export const ACCESS_COMMANDS = [
  clientCommand("createsuperuser [name]", {
    group,
    about: "Add a user who may do everything",
    examples: ["cyme createsuperuser ann", "cyme -L -D /var/lib/cyme createsuperuser"],
    details: `Without a name it is asked for; the default is yours. With -L the first user is\nadded on the machine of the branch, before it listens for others.\n${PASSWORD}`,
    options: [STDIN],
    async run(call, { name }) {
      const user = name ?? (await call.askUserName());
      return call.client.users.add(user, { password: await call.newPassword(user), role: "admin" });
    },
  }),
  clientCommand("users", {
    group,
    about: "List who may log in",
    examples: ["cyme users"],
    none: "There are no users; cyme createsuperuser adds one.",
    run: ({ client }) => client.users.list(),
  }),
  clientCommand("users.add <name>", {
    group,
    about: "Add a user",
    examples: ["cyme users.add bob --role operator"],
    details: PASSWORD,
    options: [NEW_ROLE, STDIN],
    run: async (call, { name }) =>
      call.client.users.add(name, { password: await call.newPassword(name), role: roleOf(call) }),
  }),
  clientCommand("users.set <name>", {
    group,
    about: "Change the role, or the password",
    examples: ["cyme users.set bob --role viewer", "cyme users.set bob --new-password"],
    takes: { name: "user" },
    details: `The sessions of the user end.\n${PASSWORD}`,
    options: [ROLE, { name: "new-password", about: "Ask for a new password" }, STDIN],
    async run(call, { name }) {
      const { client, values } = call;
      const isNew = values.flag("new-password") || values.flag("stdin");
      const role = roleOf(call);
      if (role === undefined && !isNew) throw invalid("users.set", "--role or --new-password");
      return client.users.set(name, { role, ...(isNew && { password: await call.newPassword(name) }) });
    },
  }),
  clientCommand("users.delete <name>", {
    group,
    about: "Delete a user, whose sessions end",
    examples: ["cyme users.delete bob"],
    takes: { name: "user" },
    run: ({ client }, { name }) => client.users.delete(name),
  }),
  clientCommand("tokens", {
    group,
    about: "List the tokens of programs",
    examples: ["cyme tokens"],
    none: "There are no tokens; cyme tokens.add makes one.",
    run: ({ client }) => client.tokens.list(),
  }),
  clientCommand("tokens.add <name>", {
    group,
    about: "Make a token, which is shown this once",
    examples: ["cyme tokens.add deploy --role operator --expires 90d"],
    options: [
      NEW_ROLE,
      { name: "expires", value: "time", about: "How long it is good for, as 90d or 12h; else for ever" },
    ],
    run: (call, { name }) => call.client.tokens.add(name, { role: roleOf(call), expires: call.values.text("expires") }),
  }),
  clientCommand("tokens.delete <name>", {
    group,
    about: "Delete a token, which opens nothing then",
    examples: ["cyme tokens.delete deploy"],
    takes: { name: "token" },
    run: ({ client }, { name }) => client.tokens.delete(name),
  }),
  clientCommand("audit", {
    group,
    about: "List who changed what, newest first",
    examples: ["cyme audit --limit 20"],
    none: "No change was asked for so far.",
    options: [{ name: "limit", value: "n", about: "How many, 100 without it" }],
    run({ client, values }) {
      const limit = values.text("limit");
      return client.audit(limit === undefined ? {} : { limit });
    },
  }),
];
