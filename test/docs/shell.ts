import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

const COMMAND_MS = 100_000;
/** The status of a command whose reader, such as `head`, has what it wanted: SIGPIPE. */
const STOPPED_READING = 141;

/** What came of a command. */
interface Said {
  readonly output: string;
  /** Null where the shell itself ended, or the command took too long. */
  readonly status: number | null;
  /** Parts of it that failed, and that no `if` or `||` asked for; a part of a pipe and of `$( )` too. */
  readonly failed: readonly string[];
}

/** A bash that runs commands one after the other, as somebody at a terminal does: folder, variables and `$?` stay. */
export interface Shell extends AsyncDisposable {
  /** Runs it to its end, without a terminal; gives standard output and error together. */
  run(command: string): Promise<Said>;
}

/** `scratch` is a folder for the files by which shell and runner speak. */
export function startShell(options: { scratch: string; cwd: string; env: Record<string, string> }): Shell {
  const { scratch, cwd, env } = options;
  const [command, output] = [join(scratch, "command"), join(scratch, "output")];
  // Output goes to a file, since a daemon that is started would hold a pipe open for ever.
  const bash = Bun.spawn(["bash", "--noprofile", "--norc"], {
    cwd,
    env,
    stdin: "pipe",
    stdout: "pipe",
    stderr: "ignore",
  });
  bash.stdin.write("set -E -o pipefail\n");
  const statuses = linesOf(bash.stdout);
  let commands = 0;
  return {
    async run(text) {
      // One for each command, since what that leaves in the background fails later.
      const failures = join(scratch, `failures-${++commands}`);
      for (const path of [output, failures]) await writeFile(path, "");
      await writeFile(command, `${text}\n`);
      bash.stdin.write(`trap '[ $? = ${STOPPED_READING} ] || echo "$BASH_COMMAND" >>"${failures}"' ERR\n`);
      // `&&`, so that what the last one ended with is `$?` there, and no failure of its own.
      bash.stdin.write(`(exit \${last:-0}) && :; . '${command}' </dev/null >'${output}' 2>&1; last=$?\n`);
      bash.stdin.write(`case $last in ${STOPPED_READING}) last=0 ;; esac; echo "$last"\n`);
      bash.stdin.flush();
      const timer = setTimeout(() => bash.kill("SIGKILL"), COMMAND_MS);
      const { value, done } = await statuses.next();
      clearTimeout(timer);
      const failed = (await readFile(failures, "utf8"))
        .split("\n")
        .filter((line) => line !== "" && !line.startsWith(`. '${command}'`));
      return { output: await readFile(output, "utf8"), status: done ? null : Number(value), failed };
    },
    async [Symbol.asyncDispose]() {
      bash.kill("SIGKILL");
      await bash.exited;
    },
  };
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, undefined> {
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + new TextDecoder().decode(chunk)).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  return undefined;
}
