import type { InstanceState } from "../api/types.ts";

/** What a state means, most pressing first: the order in which states are counted and sorted. */
export const STATES: Readonly<Record<InstanceState, string>> = {
  unresponsive: "its process lives, but does not answer",
  backoff: "it died, and is started again after a pause",
  unknown: "its broker or its branch is away, so nobody can say",
  starting: "it is being started",
  stopping: "it was told to stop, and finishes its tasks",
  running: "it answers",
  stopped: "it is not running",
  disabled: "it is not to run",
};

export const STATE_NAMES = Object.keys(STATES) as InstanceState[];

/** Every state has a shape of its own, for who does not tell colours apart. */
const SHAPES: Readonly<Record<InstanceState, string>> = {
  unresponsive: "M6 .8 11.500 11H.5z",
  backoff: "M1 3h10L6 11zM1 0h10v1.800H1z",
  unknown: "M6 .5 11.500 6 6 11.500.5 6z",
  starting: "M6 .8a5.200 5.200 0 0 1 0 10.400z M6 .8a5.200 5.200 0 0 0 0 10.400l0-1.600a3.600 3.600 0 0 1 0-7.200z",
  stopping: "M1 1h4v10H1z M7 1h4v10H7z",
  running: "M6 .8a5.200 5.200 0 1 0 0 10.400A5.200 5.200 0 0 0 6 .8z",
  stopped: "M1.200 1.200h9.600v9.600H1.200z",
  disabled:
    "M6 .8a5.200 5.200 0 1 0 0 10.400A5.200 5.200 0 0 0 6 .8zm0 1.800a3.400 3.400 0 1 1 0 6.800 3.400 3.400 0 0 1 0-6.800z",
};

/** A state as shape, colour and word; `count` stands before the word. */
export function StateMark({ state, count }: { readonly state: InstanceState; readonly count?: number }) {
  return (
    <span class={`state is-${state}`} title={STATES[state]}>
      <svg viewBox="0 0 12 12" aria-hidden="true">
        <path d={SHAPES[state]} />
      </svg>
      {count !== undefined && <b>{count}</b>}
      {state}
    </span>
  );
}
