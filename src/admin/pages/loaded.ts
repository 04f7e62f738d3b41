import { useSignal, type ReadonlySignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { session } from "../state/session.ts";

interface Loaded<T> {
  /** Undefined until it is there; the last one while it is fetched anew. */
  readonly value: ReadonlySignal<T | undefined>;
  /** Why it could not be fetched last time. */
  readonly trouble: ReadonlySignal<string | null>;
  readonly reload: () => Promise<void>;
}

/** What is fetched and does not come by itself: fetched anew where `key` changes, and when somebody has logged in. */
export function useLoaded<T>(key: string, load: (signal: AbortSignal) => Promise<T>): Loaded<T> {
  const value = useSignal<T | undefined>(undefined);
  const trouble = useSignal<string | null>(null);
  const fetchAnew = async (signal: AbortSignal) => {
    try {
      const fetched = await load(signal);
      if (signal.aborted) return;
      value.value = fetched;
      trouble.value = null;
    } catch (error) {
      if (!signal.aborted) trouble.value = error instanceof Error ? error.message : String(error);
    }
  };
  const who = session.value;
  useEffect(() => {
    const left = new AbortController();
    void fetchAnew(left.signal);
    return () => left.abort();
  }, [key, who]);
  return { value, trouble, reload: () => fetchAnew(new AbortController().signal) };
}
