import { useSignal } from "@preact/signals";
import type { Instance as Shown } from "../api/types.ts";
import { Ago } from "../kit/ago.tsx";
import { Icon } from "../kit/icon.tsx";
import { Empty, PageHead } from "../kit/parts.tsx";
import { STATES, StateMark } from "../kit/state-mark.tsx";
import type { PageProps } from "../pages.tsx";
import { instances, isLoaded } from "../state/live.ts";
import { href, route } from "../state/router.ts";
import { Actions } from "./actions.tsx";
import { Consumers } from "./consumers.tsx";
import { Graphs } from "./graphs.tsx";
import { History } from "./history.tsx";
import { Log } from "./log.tsx";
import { Scale } from "./scale.tsx";
import { Settings } from "./settings.tsx";
import { Stats } from "./stats.tsx";

const BACK = { to: href("instances"), label: "Instances" };
const TABS = [
  ["", "Now"],
  ["log", "Log"],
  ["history", "History"],
  ["stats", "Stats"],
] as const;

/** One instance: how it is, why, and all that can be done to it. */
export function Instance({ path: [, name = ""] }: PageProps) {
  const instance = instances.value.get(name);
  const known = useSignal<Shown | undefined>(undefined);
  if (instance) known.value = instance;
  if (!instance) return <Absent name={name} wasThere={known.value !== undefined} />;
  return <Present {...instance} />;
}

function Absent({ name, wasThere }: { readonly name: string; readonly wasThere: boolean }) {
  return (
    <>
      <PageHead title={name} back={BACK} />
      <Empty icon="instances">
        {!isLoaded.value && <p>Loading</p>}
        {isLoaded.value && <p>{wasThere ? "It has been deleted." : "There is no instance of this name."}</p>}
      </Empty>
    </>
  );
}

function Present(instance: Shown) {
  const { name, app, branch, state, pid, since, restarts, why } = instance;
  const tab = route.value.query.get("tab") ?? "";
  return (
    <>
      <PageHead
        back={BACK}
        title={
          <>
            {name} <StateMark state={state} />
          </>
        }
      >
        <Actions instance={instance} />
      </PageHead>
      <dl class="vitals">
        <div>
          <dt>App</dt>
          <dd>
            <a href={href("apps", app)}>{app}</a>
          </dd>
        </div>
        <div>
          <dt>Branch</dt>
          <dd>{branch}</dd>
        </div>
        <div>
          <dt>Pid</dt>
          <dd>{pid ?? "–"}</dd>
        </div>
        {since !== null && (
          <div>
            <dt>{state === "running" ? "Up for" : `${state} for`}</dt>
            <dd>
              <Ago at={since} />
            </dd>
          </div>
        )}
        <div>
          <dt>Restarts</dt>
          <dd>{restarts}</dd>
        </div>
      </dl>
      {why !== null && (
        <p class={`why is-${state}`}>
          <Icon name="info" />
          <span>
            {why} <span class="dim">({STATES[state]})</span>
          </span>
        </p>
      )}
      <nav class="tabs" aria-label={`Parts of ${name}`}>
        {TABS.map(([key, label]) => (
          <a
            key={key}
            href={href("instances", name, key === "" ? {} : { tab: key })}
            aria-current={tab === key ? "page" : undefined}
          >
            {label}
          </a>
        ))}
      </nav>
      <Tab tab={tab} instance={instance} />
    </>
  );
}

function Tab({ tab, instance }: { readonly tab: string; readonly instance: Shown }) {
  const { app, name, state, since } = instance;
  switch (tab) {
    case "log":
      return <Log app={app} name={name} />;
    case "history":
      // Anew when something has happened.
      return <History app={app} name={name} stamp={`${state} ${since}`} />;
    case "stats":
      return <Stats app={app} name={name} />;
    default:
      return (
        <>
          <Graphs app={app} name={name} />
          <div class="columns">
            <Scale instance={instance} />
            <Consumers instance={instance} />
            <Settings instance={instance} />
          </div>
        </>
      );
  }
}
