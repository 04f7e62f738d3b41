import type { Instance } from "../api/types.ts";
import { Button } from "../kit/button.tsx";
import { confirm } from "../kit/dialog.tsx";
import type { IconName } from "../kit/icon.tsx";
import { job, runJob } from "../state/job.ts";
import { act, warningOf, type Verb } from "./actions.ts";

interface BulkBarProps {
  readonly selected: readonly Instance[];
  /** Of those that it did not work for, the names; none after Clear. */
  readonly onDone: (left: readonly string[]) => void;
}

const VERBS: readonly { readonly verb: Verb; readonly icon: IconName; readonly doing: string }[] = [
  { verb: "enable", icon: "play", doing: "Enabling" },
  { verb: "disable", icon: "stop", doing: "Disabling" },
  { verb: "restart", icon: "restart", doing: "Restarting" },
  { verb: "restart one by one", icon: "restart", doing: "Restarting, one by one," },
  { verb: "delete", icon: "trash", doing: "Deleting" },
];

/** What can be done to the selected instances. */
export function BulkBar({ selected, onDone }: BulkBarProps) {
  const isBusy = job.value !== null && job.value.is !== "over";
  const run = async (verb: Verb, doing: string) => {
    const warning = warningOf(
      verb,
      selected.map(({ name }) => name),
    );
    if (warning && !(await confirm({ ...warning, text: <Asked text={warning.text} selected={selected} /> }))) return;
    onDone(await runJob(`${doing} ${selected.length} instances`, selected, (one) => act(verb, one)));
  };
  return (
    <div class="bulk" role="toolbar" aria-label="Selected instances">
      <b>{selected.length} selected</b>
      {VERBS.map(({ verb, icon, doing }) => (
        <Button key={verb} icon={icon} disabled={isBusy} onClick={() => void run(verb, doing)}>
          {verb[0]?.toUpperCase() + verb.slice(1)}
        </Button>
      ))}
      <span class="spread" />
      <Button kind="quiet" onClick={() => onDone([])}>
        Clear
      </Button>
    </div>
  );
}

const SHOWN = 12;

function Asked({ text, selected }: { readonly text: string; readonly selected: readonly Instance[] }) {
  const rest = selected.length - SHOWN;
  return (
    <>
      <p>{text}</p>
      <p class="mono">
        {selected
          .slice(0, SHOWN)
          .map(({ name }) => name)
          .join(", ")}
        {rest > 0 && ` and ${rest} more`}
      </p>
    </>
  );
}
