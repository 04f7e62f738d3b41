import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

const COMMAND_MS = 100_000;

/** What came of a command. `status` is null where the shell itself ended, or the command took too long. */
interface Said {
  readonly output: string;
  readonly status: number | null;
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
  const statuses = linesOf(bash.stdout);
  return {
    async run(text) {
      await writeFile(command, `${text}\n`);
      await writeFile(output, "");
      bash.stdin.write(`(exit \${last:-0}); . '${command}' </dev/null >'${output}' 2>&1; last=$?; echo "$last"\n`);
      bash.stdin.flush();
      const timer = setTimeout(() => bash.kill("SIGKILL"), COMMAND_MS);
      const { value, done } = await statuses.next();
      clearTimeout(timer);
      return { output: await readFile(output, "utf8"), status: done ? null : Number(value) };
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
