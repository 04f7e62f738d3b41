import { useSignal, type ReadonlySignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { request } from "../api/request.ts";
import { session } from "../state/session.ts";

/** What was asked for: the answer, the sentence of an error, or neither yet. */
export interface Fetched<T> {
  readonly value: T | undefined;
  readonly error: string | null;
}

/** Asks for a path, anew when the path or `stamp` changes, and after a login; what was there is shown until then. */
export function useFetched<T>(place: string, stamp: unknown): ReadonlySignal<Fetched<T>> {
  const state = useSignal<Fetched<T>>({ value: undefined, error: null });
  const who = session.value;
  useEffect(() => {
    const left = new AbortController();
    request<T>("GET", place, undefined, left.signal).then(
      (value) => (state.value = { value, error: null }),
      (error: Error) => {
        if (!left.signal.aborted) state.value = { ...state.value, error: error.message };
      },
    );
    return () => left.abort();
  }, [place, stamp, who]);
  return state;
}
