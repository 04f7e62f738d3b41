import { describe, expect, test } from "bun:test";
import { version } from "../../package.json";
import { httpTransport } from "../client/http-transport.ts";
import { splitWords } from "../kit/shell-words.ts";
import { bindArguments, bindOptions, findCommand, scan } from "./parse.ts";
import { refused, runCyme } from "./test-run.ts";
import { COMMANDS } from "./table.ts";

const out = async (...argv: string[]) => {
  const run = await runCyme(argv);
  expect(run).toMatchObject({ code: 0, stderr: "", sent: [] });
  return run.stdout;
};

describe("help", () => {
  test("names every command, each on one line", async () => {
    const lines = (await out("--help")).split("\n");
    for (const { name, about } of COMMANDS) {
      expect(lines.filter((line) => line.startsWith(`  ${name} `) && line.endsWith(`  ${about}`))).toHaveLength(1);
    }
  });

  test("is the same by -h, --help and help", async () => {
    const overview = await out("--help");
    expect(await out("-h")).toBe(overview);
    expect(await out("help")).toBe(overview);
  });

  test("of a command is the same by each way to ask for it", async () => {
    const help = await out("help", "instances.add");
    expect(await out("help", "instances", "add")).toBe(help);
    expect(await out("instances.add", "-h")).toBe(help);
    expect(await out("--help", "instances", "add")).toBe(help);
  });

  test("of a command has usage, about, options, variables and defaults", async () => {
    const help = await out("help", "branch");
    expect(help).toStartWith("cyme [options] branch [address]\n\nRun the daemon that keeps workers alive.\n");
    expect(help).toContain(
      "  -C, --numc n                Connections that share what other branches ask\n                              (CYME_NUMC, default 2)\n",
    );
  });

  test("of a command is shown without the arguments and options that it needs", async () => {
    expect(await out("apps.get", "--help")).toStartWith("cyme apps.get <name>\n");
  });

  test.each([[], ...COMMANDS.map(({ name }) => [name])])("reads well on 80 columns: help %s", async (...name) => {
    const long = (await out("help", ...name)).split("\n").filter((line) => line.length > 80);
    expect(long).toEqual([]);
  });

  test("is not asked for behind --", async () => {
    expect((await runCyme(["apps.get", "--", "--help"])).stderr).toContain('got "--help"');
  });
});

test("--version is the package's", async () => {
  expect(await out("--version")).toBe(`cyme ${version}\n`);
});

describe("the whole text of help", () => {
  test("of all commands", async () => {
    expect(await out("--help")).toBe(`\
cyme [options] <command> [arguments]

Keeps Celery workers running: apps, their instances, queues and consumers.

First steps
  cyme branch --detach                 Run a branch on this machine
  cyme apps.add shop                   An app, with the broker of the branch
  cyme -a shop instances.add web       A Celery worker that is kept running
  cyme status                          How all that is

This machine
  branch                               Run the daemon that keeps workers alive
  status                               Show the branch and its workers
  start-all                            Start all workers of this branch
  restart-all                          Restart all workers of this branch
  shutdown-all                         Stop all workers and hold them stopped

Apps
  apps                                 List the apps
  apps.add <name>                      Create an app, or change one
  apps.get <name>                      Show one app
  apps.set <name>                      Change it; its workers restart one by one
  apps.delete <name>                   Delete an app with all that is in it

Instances
  instances                            List the instances of --app
  instances.add                        Add one to --app; its worker starts
  instances.get <name>                 Show one instance and its state
  instances.set <name>                 Change an instance
  instances.delete <name>              Stop and delete an instance
  instances.stats <name>               Ask its worker for statistics
  instances.restart <name>             Stop its worker and start a new one
  instances.enable <name>              Have its worker run
  instances.disable <name>             Stop its worker until it is enabled
  instances.move <name> <branch>       Give an instance to another branch
  instances.autoscale <name>           Show or set bounds of its processes
  instances.log <name>                 Show the end of its worker's log
  instances.history <name>             Show what was done to it, and why

Queues
  queues                               List the queues of --app
  queues.add <name>                    Declare a queue of --app, or change it
  queues.get <name>                    Show one declaration
  queues.delete <name>                 Delete it; nothing consumes from it then

Consumers
  consumers <instance>                 List what an instance consumes from
  consumers.add <instance> <queue>     Have it consume from a queue
  consumers.delete <instance> <queue>  Have it stop consuming from a queue

Tasks
  tasks.send <queue> <url>             Have a worker perform an HTTP request
  tasks.state <uuid>                   Show how far a task is
  tasks.result <uuid>                  Show its result, or why it failed
  tasks.wait <uuid>                    The same once it is there

Branches
  branches                             List the branches that are up
  branches.get <id>                    Show one branch
  branches.shutdown <id>               Stop its daemon; its workers go on
  branches.forget <id>                 Remove a branch that is away, for good

Access
  createsuperuser                      Add a user who may do everything
  users                                List who may log in
  users.add <name>                     Add a user
  users.set <name>                     Change the role, or the password
  users.delete <name>                  Delete a user, whose sessions end
  tokens                               List the tokens of programs
  tokens.add <name>                    Make a token, which is shown this once
  tokens.delete <name>                 Delete a token, which opens nothing then
  audit                                List who changed what, newest first

More
  shell                                Speak to a branch in JavaScript
  completion <shell>                   Print completions for bash, zsh or fish
  help                                 Show help, of one command too

Options of all commands, before or after the command
  -a, --app app               The app (CYME_APP)
  -u, --url url               Any branch of the cluster (CYME_URL, default
                              http://127.0.0.1:8000)
  -n, --nowait                Do not wait until it is done (CYME_NOWAIT)
  -L, --local                 Work on --instance-dir itself (CYME_LOCAL)
  -D, --instance-dir dir      Directory of the branch (CYME_INSTANCE_DIR,
                              default instances)
  -l, --loglevel level        Log level of --local (CYME_LOGLEVEL)
  -f, --logfile file          Log file of --local (CYME_LOGFILE)
  -b, --broker url            Broker of what is added or set (CYME_BROKER)
      --token token           Who is asking; better the variable (CYME_TOKEN)
      --ca file               Authority of the branch's certificate (CYME_CA)
      --cert file             Certificate of this client (CYME_CERT)
      --key file              Key of that certificate (CYME_KEY)
      --timeout seconds       Deadline of the command (CYME_TIMEOUT, default 60)
  -h, --help                  Show help, of a command too
      --version               Show the version
  -F, --format pretty|json    For people or programs (CYME_FORMAT, default
                              pretty)

More on one command: cyme help <command>. \`instances add\` is \`instances.add\`.
`);
  });

  test("of one command", async () => {
    expect(await out("help", "instances.add")).toBe(`\
cyme [options] instances.add [name] [broker] [arguments] [extra_config]

Add one to --app; its worker starts.

Without a name it gets a UUID. The broker is the app's where none is given.
An empty argument counts as not given. CYME_BROKER is not read, only --broker.

Examples
  cyme -a shop instances.add web
  cyme -a shop instances.add web --queues orders,mails --max-concurrency 4

Options
      --arguments words       For celery worker: --arguments='-A proj'
      --extra-config words    Celery settings, key=value
      --command command       How to call Celery, such as /path/venv/bin/celery
      --cwd dir               Where the worker runs; its own folder by default
      --env NAME=value        Variable of the worker; may be repeated
      --stop-timeout seconds  How long running tasks may take when it stops
      --branch id             The branch that is to run it
      --pool pool             prefork, threads, solo …
      --queues names          Queues to consume from, separated by commas
      --max-concurrency n     Upper bound of its processes
      --min-concurrency n     Lower bound of its processes
      --is-enabled yes|no     Whether its worker is to run
      --restart-max-rate n/m  How often its worker may die: n/s, n/m or n/h
      --user user             Whom its worker runs as; the branch must be root
      --max-memory bytes      Replace its worker above that, such as 512M or 2G
      --max-age seconds       Replace its worker once it is that old

Options of all commands
  -a, --app app               The app (CYME_APP)
  -u, --url url               Any branch of the cluster (CYME_URL, default
                              http://127.0.0.1:8000)
  -n, --nowait                Do not wait until it is done (CYME_NOWAIT)
  -L, --local                 Work on --instance-dir itself (CYME_LOCAL)
  -D, --instance-dir dir      Directory of the branch (CYME_INSTANCE_DIR,
                              default instances)
  -l, --loglevel level        Log level of --local (CYME_LOGLEVEL)
  -f, --logfile file          Log file of --local (CYME_LOGFILE)
  -b, --broker url            Broker of what is added or set (CYME_BROKER)
      --token token           Who is asking; better the variable (CYME_TOKEN)
      --ca file               Authority of the branch's certificate (CYME_CA)
      --cert file             Certificate of this client (CYME_CERT)
      --key file              Key of that certificate (CYME_KEY)
      --timeout seconds       Deadline of the command (CYME_TIMEOUT, default 60)
  -h, --help                  Show help, of a command too
      --version               Show the version
  -F, --format pretty|json    For people or programs (CYME_FORMAT, default
                              pretty)
`);
  });

  test("of the daemon", async () => {
    expect(await out("branch", "--help")).toBe(`\
cyme [options] branch [address]

Run the daemon that keeps workers alive.

The address is a port, ip:port or :port. A port alone means 127.0.0.1, port 0
any free one. Without it that of CYME_ADDRESS counts, else 127.0.0.1:8000.
SIGTERM stops the branch: its workers go on, and it takes them over when it
starts again.

Examples
  cyme branch
  cyme branch :8001 -i machine1 -D /var/lib/cyme --detach
  CYME_BROKER=amqp://user:password@host/vhost cyme branch 8000

Options
  -i, --id id                 Its id; else generated once and kept (CYME_ID)
  -b, --broker url            Default broker; better the variable: ps shows this
                              (CYME_BROKER, default
                              amqp://guest:guest@127.0.0.1:5672//)
  -D, --instance-dir dir      Where store, logs and workers live
                              (CYME_INSTANCE_DIR, default instances)
  -C, --numc n                Connections that share what other branches ask
                              (CYME_NUMC, default 2)
      --sup-interval seconds  How often the supervisor looks around
                              (CYME_SUP_INTERVAL, default 5)
      --without-httpd         Serve no HTTP, only branch.sock
                              (CYME_WITHOUT_HTTPD)
      --without-http          The same (CYME_WITHOUT_HTTP)
  -l, --loglevel level        DEBUG, INFO, WARNING, ERROR or CRITICAL
                              (CYME_LOGLEVEL, default INFO)
  -f, --logfile file          Log file; else standard error (CYME_LOGFILE)
      --log-max-size bytes    A log file this large is set aside, five are kept
                              (CYME_LOG_MAX_SIZE, default 100M)
      --detach                Run in the background, log in branch.log
                              (CYME_DETACH)
      --pidfile file          Write the process id there too (CYME_PIDFILE)
      --command command       How to call Celery (CYME_COMMAND, default celery)
      --restart-max-rate n/m  How often it may die: n/s, n/m or n/h
                              (CYME_RESTART_MAX_RATE, default 1/m)
      --retry-disabled seconds
                              Enable what died too often again; 0: never
                              (CYME_RETRY_DISABLED, default 0)
      --wait-after-broker-revived seconds
                              No restart for silence so soon after an outage
                              (CYME_WAIT_AFTER_BROKER_REVIVED, default 35)
      --unresponsive-after seconds
                              A worker silent for so long is restarted
                              (CYME_UNRESPONSIVE_AFTER, default 60)
      --webhook-allow pattern Host or network for URL tasks; may be repeated
                              (CYME_WEBHOOK_ALLOW)
      --result-expires seconds
                              How long results of tasks are kept
                              (CYME_RESULT_EXPIRES, default 86400)
      --allowed-host name     Host name to answer to; may be repeated
                              (CYME_ALLOWED_HOST)
      --cors-origin origin    Web site that may call the API (CYME_CORS_ORIGIN)
      --tls-cert file         Serve HTTPS with this certificate (CYME_TLS_CERT)
      --tls-key file          Key of the certificate (CYME_TLS_KEY)
      --tls-ca file           Authority of client certificates (CYME_TLS_CA)
      --max-body bytes        Largest request body, also 512k or 10M
                              (CYME_MAX_BODY, default 10M)
      --insecure              Allow an address beyond this machine without users
                              (CYME_INSECURE)

Options of all commands
  -h, --help                  Show help, of a command too
      --version               Show the version
  -F, --format pretty|json    For people or programs (CYME_FORMAT, default
                              pretty)
`);
  });
});

describe("the whole text where a command line cannot be run, for", () => {
  test.each([
    [
      "an unknown command",
      ["instances.ad"],
      `\
error: Cannot find the command "instances.ad"; did you mean instances.add?
`,
    ],
    [
      "an unknown option",
      ["instances.add", "web", "--queue", "orders"],
      `\
error: Cannot use --queue: instances.add has no such option; did you mean --queues?
usage: cyme instances.add --help
`,
    ],
    [
      "a missing argument",
      ["apps.get"],
      `\
error: Cannot run apps.get without <name>
usage: cyme apps.get <name>
`,
    ],
    [
      "an app that is not named",
      ["instances"],
      `\
error: Cannot run instances without an app: give -a <app> or set CYME_APP (cyme apps lists them)
usage: cyme instances
`,
    ],
  ])("%s", async (_, argv, text) => expect(await refused(argv)).toBe(text));
});

test("the whole text where there is no branch", async () => {
  const transport = httpTransport("http://127.0.0.1:1");
  expect(await runCyme(["-u", "http://127.0.0.1:1", "apps"], { transport })).toMatchObject({
    code: 4,
    stdout: "",
    stderr: `\
error: Cannot reach a branch at http://127.0.0.1:1: connection refused; is the branch running? start it with \`cyme branch\`
Another branch: -u <url> or CYME_URL. On its machine, whether it runs or not: -L -D <instance dir>.
`,
  });
});

test.each(COMMANDS.flatMap(({ name, examples }) => examples.map((example) => [example, name] as const)))(
  "the example can be run: %s",
  (example, name) => {
    const [words = ""] = example.replace(/^(CYME_\w+=\S+|echo '[^']*' \|) /, "").split(/ [<>] /);
    const { command, rest } = findCommand(scan(splitWords(words).slice(1)).words);
    expect(command.name).toBe(name);
    bindArguments(command, rest);
    bindOptions(command, scan(splitWords(words).slice(1)), {});
  },
);
