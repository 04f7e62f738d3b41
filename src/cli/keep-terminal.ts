/** A terminal that is given back as it was. */
interface KeptTerminal extends Disposable {
  /** Whether there is one. */
  readonly isTerminal: boolean;
  /** Aborted by SIGHUP and SIGQUIT, which would else end the process before it can do that. */
  readonly lost: AbortSignal;
}

const SIGNALS = ["SIGHUP", "SIGQUIT"] as const;

/**
 * Notes how the terminal of standard input is, if it is one, and has it so again once this is disposed of or the process exits. For what
 * another process does to it: one that is killed gives nothing back.
 */
export function keepTerminal(): KeptTerminal {
  const isTerminal = process.stdin.isTTY === true;
  const state = isTerminal ? stty("-g") : "";
  const giveBack = () => {
    if (state !== "") stty(state);
  };
  const lost = new AbortController();
  const lose = () => lost.abort();
  // Without a terminal there is nothing to give back, and nohup may have it that SIGHUP is ignored.
  if (isTerminal) for (const name of SIGNALS) process.on(name, lose);
  process.on("exit", giveBack);
  return {
    isTerminal,
    lost: lost.signal,
    [Symbol.dispose]() {
      process.off("exit", giveBack);
      for (const name of SIGNALS) process.off(name, lose);
      giveBack();
    },
  };
}

/** What it prints; "" where it cannot: the terminal may be gone. */
function stty(argument: string): string {
  const command = Bun.which("stty");
  if (command === null) return "";
  const { stdout } = Bun.spawnSync([command, argument], { stdin: "inherit", stderr: "ignore" });
  return stdout.toString().trim();
}
