/**
 * Runs `use` with a signal that is aborted as soon as one of `signals` is, with its reason; afterwards nothing listens to them
 * any more. Not AbortSignal.any, which Node.js has since 18.17 and Debian's is older.
 */
export async function withAnyOf<T>(
  signals: readonly AbortSignal[],
  use: (signal: AbortSignal | undefined) => Promise<T>,
): Promise<T> {
  if (signals.length < 2) return use(signals[0]);
  const any = new AbortController();
  const abort = () => any.abort(signals.find((one) => one.aborted)?.reason);
  for (const one of signals) one.addEventListener("abort", abort, { once: true });
  if (signals.some((one) => one.aborted)) abort();
  try {
    return await use(any.signal);
  } finally {
    for (const one of signals) one.removeEventListener("abort", abort);
  }
}
