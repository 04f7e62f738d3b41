const TIMEOUT_MS = 5000;

/** A program did not end in time. */
export class ProgramLate extends Error {}

/**
 * Runs a small program to its end, without holding up anything else. Rejects with ProgramLate where it takes longer, and is
 * killed, and with the system's error where it cannot be started.
 */
export async function runProgram(
  argv: readonly string[],
  timeoutMs = TIMEOUT_MS,
): Promise<{ exitCode: number; output: string }> {
  const child = Bun.spawn([...argv], { stdin: "ignore", stdout: "pipe", stderr: "ignore" });
  // Not the end of the killed program: what it has started may keep its output open, and the kernel may hold it.
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    child.kill("SIGKILL");
    child.unref();
    late.reject(new ProgramLate(`${argv[0]} did not answer within ${timeoutMs / 1000} s`));
  }, timeoutMs);
  try {
    const ended = Promise.all([child.exited, new Response(child.stdout).text()]);
    const [exitCode, output] = await Promise.race([ended, late.promise]);
    return { exitCode, output };
  } finally {
    clearTimeout(timer);
  }
}
