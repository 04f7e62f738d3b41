import type { Instance } from "../api/types.ts";
import { Button } from "../kit/button.tsx";
import { confirm } from "../kit/dialog.tsx";
import type { IconName } from "../kit/icon.tsx";
import { several } from "../kit/numbers.ts";
import { some } from "../pages/named.ts";
import { job, runJob } from "../state/job.ts";
import { act, fits, leftOut, warningOf, type Verb } from "./actions.ts";

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
    const fitting = selected.filter((one) => fits(verb, one));
    const warning = warningOf(
      verb,
      fitting.map(({ name }) => name),
    );
    const text = warning && (
      <Asked text={warning.text} all={fitting} rest={leftOut(verb, selected.length - fitting.length)} />
    );
    if (warning && !(await confirm({ ...warning, text }))) return;
    onDone(await runJob(`${doing} ${several(fitting.length, "instance")}`, fitting, (one) => act(verb, one)));
  };
  return (
    <div class="bulk" role="toolbar" aria-label="Selected instances">
      <b>{selected.length} selected</b>
      {VERBS.map(({ verb, icon, doing }) => {
        const isFor = selected.some((one) => fits(verb, one));
        return (
          <Button
            key={verb}
            icon={icon}
            disabled={isBusy || !isFor}
            title={isFor ? undefined : leftOut(verb, selected.length)}
            onClick={() => void run(verb, doing)}
          >
            {verb[0]?.toUpperCase() + verb.slice(1)}
          </Button>
        );
      })}
      <span class="spread" />
      <Button kind="quiet" onClick={() => onDone([])}>
        Clear
      </Button>
    </div>
  );
}

const SHOWN = 12;

interface AskedProps {
  readonly text: string;
  readonly all: readonly Instance[];
  /** What is said of those that it is not done to. */
  readonly rest: string | undefined;
}

function Asked({ text, all, rest }: AskedProps) {
  return (
    <>
      <p>{text}</p>
      <p class="mono">
        {some(
          all.map(({ name }) => name),
          SHOWN,
        )}
      </p>
      {rest !== undefined && (
        <p>
          {rest}, and left as {rest.startsWith("1 ") ? "it is" : "they are"}.
        </p>
      )}
    </>
  );
}
