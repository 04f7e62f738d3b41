import type { Io } from "./io.ts";

/** Of a terminal in raw mode, which hands over keys and makes no signals of them. */
const CTRL_C = "\u0003";
const CTRL_D = "\u0004";
const CTRL_U = "\u0015";
const BACKSPACE = /[\b\u007f]/;
const ENTER = /[\r\n]/;

/** What a terminal is for asking. */
export interface Keyboard {
  setRawMode(isRaw: boolean): void;
  on(event: "data", listener: (bytes: Uint8Array) => void): void;
  off(event: "data", listener: (bytes: Uint8Array) => void): void;
  resume(): void;
  pause(): void;
}

/**
 * Asks on a terminal for one line; a secret is not shown. Rejects where the asking is ended, by Ctrl-C too: whatever ends it, the
 * terminal shows again what is typed.
 */
export function askLine(
  question: string,
  { isSecret }: { readonly isSecret: boolean },
  keyboard: Keyboard,
  io: Pick<Io, "stderr" | "signal">,
  interrupt: () => void,
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let line = "";
  const decoder = new TextDecoder();
  const end = (settle: () => void) => {
    keyboard.off("data", onData);
    io.signal.removeEventListener("abort", onAbort);
    keyboard.setRawMode(false);
    keyboard.pause();
    io.stderr("\n");
    settle();
  };
  const onAbort = () => end(() => reject(new Error("interrupted")));
  /** Whether the line has ended. */
  const take = (key: string): boolean => {
    if (ENTER.test(key) || key === CTRL_D) {
      end(() => resolve(line));
      return true;
    }
    if (key === CTRL_C) {
      // As the terminal would have done it.
      interrupt();
      return true;
    }
    if (key === CTRL_U) line = "";
    else if (BACKSPACE.test(key)) line = [...line].slice(0, -1).join("");
    else if (key >= " ") line += key;
    if (!isSecret) io.stderr(`\r\u001b[K${question}${line}`);
    return false;
  };
  const onData = (bytes: Uint8Array) => {
    for (const key of decoder.decode(bytes, { stream: true })) if (take(key)) return;
  };
  io.stderr(question);
  keyboard.setRawMode(true);
  keyboard.on("data", onData);
  keyboard.resume();
  io.signal.addEventListener("abort", onAbort, { once: true });
  if (io.signal.aborted) onAbort();
  return promise;
}
