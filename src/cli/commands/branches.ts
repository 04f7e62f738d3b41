import { BRANCH_OPTIONS } from "../branch-flags.ts";
import { clientCommand, ownCommand } from "../command.ts";
import { ROLLING_DETAILS, ROLLING_OPTIONS } from "../rolling.ts";
import { restartOfAll, startOfAll, stopOfAll } from "../waiting.ts";

const here = { group: "This machine", isForThisBranch: true } as const;

export const BRANCH_COMMANDS = [
  ownCommand("branch [address]", {
    group: "This machine",
    about: "Run the daemon that keeps workers alive",
    examples: [
      "cyme branch",
      "cyme branch :8001 -i machine1 -D /var/lib/cyme --detach",
      "CYME_BROKER=amqp://user:password@host/vhost cyme branch 8000",
    ],
    details:
      "The address is a port, ip:port or :port. A port alone means 127.0.0.1, port 0\n" +
      "any free one. Without it that of CYME_ADDRESS counts, else 127.0.0.1:8000.\n" +
      "SIGTERM stops the branch: its workers go on, and it takes them over when it\n" +
      "starts again.",
    options: BRANCH_OPTIONS,
    async run({ values, io, env, rooms }, { address }) {
      const { branchOptions } = await import("../branch-options.ts");
      return rooms.runBranch(branchOptions(values, address, env), io);
    },
  }),
  clientCommand("status", {
    ...here,
    about: "Show the branch and its workers",
    examples: ["cyme status", "cyme -D /var/lib/cyme status --watch"],
    details:
      "How the branch is and what is wrong, its instances, queues and other branches;\n" +
      "with --watch for as long as it is looked at.",
    options: [{ name: "watch", about: "Go on showing how it is now, until Ctrl-C or q" }],
    view: "status",
    async run(call) {
      if (!call.values.flag("watch")) return call.client.workers.status();
      const { watch } = await import("../status/watch-command.ts");
      return watch(call);
    },
  }),
  clientCommand("start-all", {
    ...here,
    about: "Start all workers of this branch",
    examples: ["cyme start-all"],
    none: "There was nothing to start.",
    waiting: startOfAll,
    run: async ({ client }) => (await client.workers.start()).instances,
  }),
  clientCommand("restart-all", {
    ...here,
    about: "Restart all workers of this branch",
    examples: ["cyme restart-all --rolling"],
    none: "There was nothing to restart.",
    waiting: restartOfAll,
    details: `All at once; with --rolling one of an app after another.\n${ROLLING_DETAILS}`,
    options: ROLLING_OPTIONS,
    run: async ({ client, values }) => (await client.workers.restart({ rolling: values.flag("rolling") })).instances,
  }),
  clientCommand("shutdown-all", {
    ...here,
    about: "Stop all workers and hold them stopped",
    examples: ["cyme shutdown-all --timeout 600"],
    none: "There was nothing to stop.",
    waiting: stopOfAll,
    details: "They stay stopped until start-all, or until one is enabled or restarted.",
    run: async ({ client }) => (await client.workers.shutdown()).instances,
  }),
  clientCommand("branches", {
    group: "Branches",
    about: "List the branches that are up",
    examples: ["cyme branches"],
    run: ({ client }) => client.branches.list(),
  }),
  clientCommand("branches.get <id>", {
    group: "Branches",
    about: "Show one branch",
    examples: ["cyme branches.get machine1"],
    takes: { id: "branch" },
    run: ({ client }, { id }) => client.branches.get(id),
  }),
  clientCommand("branches.shutdown <id>", {
    group: "Branches",
    about: "Stop its daemon; its workers go on",
    examples: ["cyme branches.shutdown machine1"],
    takes: { id: "branch" },
    run: ({ client }, { id }) => client.branches.shutdown(id),
  }),
  clientCommand("branches.forget <id>", {
    group: "Branches",
    about: "Remove a branch that is away, for good",
    examples: ["cyme branches.forget machine2"],
    takes: { id: "lost-branch" },
    details:
      "Prints the instances that went with it. Their workers go on until somebody\nends them, if that machine still runs.",
    run: ({ client }, { id }) => client.branches.forget(id),
  }),
];
