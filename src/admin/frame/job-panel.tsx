import { useEffect } from "preact/hooks";
import { Button } from "../kit/button.tsx";
import { isNarrow } from "../kit/narrow.ts";
import { InstanceLink } from "../kit/parts.tsx";
import { closeJob, job, stopJob } from "../state/job.ts";
import { route } from "../state/router.ts";

/** After all went well; what went wrong stays until it is closed. */
const SHOWN_MS = 8000;

/** How far that is which is done to several instances, and what went wrong with whom: the latter beside the instances alone. */
export function JobPanel() {
  const state = job.value;
  const isWell = state?.is === "over" && state.done === state.total && state.failures.length === 0;
  useEffect(() => {
    if (!isWell) return undefined;
    const timer = setTimeout(closeJob, SHOWN_MS);
    return () => clearTimeout(timer);
  }, [isWell]);
  const isBeside = route.value.path[0] === "instances";
  if (!state || (state.is === "over" && !isBeside)) return null;
  const { title, done, total, failures, is } = state;
  const good = done - failures.length;
  return (
    <section class="job" aria-label={title}>
      <header>
        <h2>{title}</h2>
        {is === "over" ? (
          <Button kind="quiet" icon="close" label="Close" onClick={closeJob} />
        ) : (
          <Button onClick={stopJob} disabled={is === "stopping"}>
            Stop
          </Button>
        )}
      </header>
      <progress max={total} value={good} aria-label={title} />
      <p role="status">
        {good} of {total} done{failures.length > 0 && `, ${failures.length} failed`}
        {is === "stopping" && "; waiting for what is on its way"}
        {is === "over" && done < total && `, ${total - done} not begun`}
      </p>
      {failures.length > 0 && isBeside && (
        <details open={!isNarrow.value}>
          <summary>What went wrong</summary>
          <ul>
            {failures.map(({ name, why }) => (
              <li key={name}>
                <InstanceLink name={name} /> <span>{why}</span>
              </li>
            ))}
          </ul>
        </details>
      )}
    </section>
  );
}
