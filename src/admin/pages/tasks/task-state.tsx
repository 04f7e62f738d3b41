/** States of a task, in the order in which they come. A task may have others of its own. */
export const TASK_STATES: readonly string[] = [
  "PENDING",
  "RECEIVED",
  "STARTED",
  "RETRY",
  "FAILURE",
  "REVOKED",
  "SUCCESS",
];

/** Which state of an instance has the colour that a task's state is to have. */
const KINDS: Readonly<Record<string, string>> = {
  PENDING: "stopped",
  RECEIVED: "starting",
  STARTED: "starting",
  RETRY: "backoff",
  FAILURE: "unresponsive",
  REVOKED: "disabled",
  SUCCESS: "running",
};

const SHAPES: Readonly<Record<string, string>> = {
  SUCCESS: "M1.500 6.500 4.500 9.500 10.500 2.500",
  FAILURE: "M2 2l8 8M10 2l-8 8",
  REVOKED: "M2 6h8",
  RETRY: "M10 6a4 4 0 1 1-1.500-3.100M10 1v2.500H7.500",
};
const ON_ITS_WAY = "M6 2v4l2.500 2M6 1a5 5 0 1 0 0 10A5 5 0 0 0 6 1z";

/** A task's state as shape, colour and word. */
export function TaskState({ state }: { readonly state: string }) {
  return (
    <span class={`state is-line is-${KINDS[state] ?? "starting"}`}>
      <svg viewBox="0 0 12 12" aria-hidden="true">
        <path d={SHAPES[state] ?? ON_ITS_WAY} />
      </svg>
      {state}
    </span>
  );
}
