/**
 * Runs `use` with a signal of its own, which is aborted as soon as one of `signals` is, with its reason; afterwards nothing
 * listens to them any more. Not AbortSignal.any, which Node.js has since 18.17 and Debian's is older.
 */
export async function withAnyOf<T>(
  signals: readonly AbortSignal[],
  use: (signal: AbortSignal | undefined) => Promise<T>,
): Promise<T> {
  if (signals.length === 0) return use(undefined);
  const any = new AbortController();
  const abort = () => any.abort(signals.find((one) => one.aborted)?.reason);
  const releases = signals.map((one) => onAbort(one, abort));
  if (signals.some((one) => one.aborted)) abort();
  try {
    return await use(any.signal);
  } finally {
    for (const release of releases) release();
  }
}

interface Listening {
  readonly callbacks: Set<() => void>;
  readonly listener: () => void;
}

const listening = new WeakMap<AbortSignal, Listening>();

/** Calls back once the signal is aborted; gives what ends that. One listener for all, since Node.js warns of more than ten. */
function onAbort(signal: AbortSignal, callback: () => void): () => void {
  const { callbacks, listener } = listening.get(signal) ?? listen(signal);
  callbacks.add(callback);
  return () => {
    callbacks.delete(callback);
    if (callbacks.size > 0) return;
    signal.removeEventListener("abort", listener);
    listening.delete(signal);
  };
}

function listen(signal: AbortSignal): Listening {
  const callbacks = new Set<() => void>();
  const listener = () => {
    for (const callback of callbacks) callback();
  };
  signal.addEventListener("abort", listener);
  const made = { callbacks, listener };
  listening.set(signal, made);
  return made;
}
