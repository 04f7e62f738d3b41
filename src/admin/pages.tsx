import type { ComponentType } from "preact";
import type { Role } from "./api/types.ts";
import type { IconName } from "./kit/icon.tsx";
import { Empty, PageHead } from "./kit/parts.tsx";
import { may, session } from "./state/session.ts";
import { Overview } from "./overview/overview.tsx";
import { Instances } from "./instances/instances.tsx";
import { Instance } from "./instance/instance.tsx";
import { ApiPage } from "./pages/api/api-page.tsx";
import { AppPage } from "./pages/apps/app-page.tsx";
import { AppsPage } from "./pages/apps/apps-page.tsx";
import { AuditPage } from "./pages/audit/audit-page.tsx";
import { PeoplePage } from "./pages/people/people-page.tsx";
import { QueuesPage } from "./pages/queues/queues-page.tsx";
import { TaskPage } from "./pages/tasks/task-page.tsx";
import { TasksPage } from "./pages/tasks/tasks-page.tsx";

export interface PageProps {
  /** The parts of the address: `["instances", "web"]`. */
  readonly path: readonly string[];
}

interface Page {
  /** First part of the address; "" is the overview. */
  readonly path: string;
  readonly name: string;
  readonly icon: IconName;
  /** The letter that leads there after g. */
  readonly key?: string;
  /** The least role that sees it. */
  readonly wanted: Role;
  readonly View: ComponentType<PageProps>;
  /** For an address with a second part, as `#/instances/web`. */
  readonly One?: ComponentType<PageProps>;
}

/** Every page, in the order of the navigation. */
export const navigation: readonly Page[] = [
  { path: "", name: "Overview", icon: "overview", key: "o", wanted: "viewer", View: Overview },
  {
    path: "instances",
    name: "Instances",
    icon: "instances",
    key: "i",
    wanted: "viewer",
    View: Instances,
    One: Instance,
  },
  { path: "apps", name: "Apps", icon: "apps", key: "a", wanted: "viewer", View: AppsPage, One: AppPage },
  { path: "queues", name: "Queues", icon: "queues", key: "q", wanted: "viewer", View: QueuesPage },
  { path: "tasks", name: "Tasks", icon: "tasks", key: "t", wanted: "viewer", View: TasksPage, One: TaskPage },
  { path: "users", name: "Users", icon: "users", key: "u", wanted: "admin", View: PeoplePage },
  { path: "audit", name: "Audit", icon: "audit", wanted: "admin", View: AuditPage },
  { path: "api", name: "API", icon: "api", wanted: "viewer", View: ApiPage },
];

/** What is shown at an address, to who is there. */
export function pageFor(path: readonly string[]): {
  readonly View: ComponentType<PageProps>;
  readonly title: (path: readonly string[]) => string;
} {
  const page = navigation.find((entry) => entry.path === (path[0] ?? ""));
  const View = path.length <= 1 ? page?.View : page?.One;
  if (!page || !View) return { View: Nowhere, title: () => "Not found" };
  return { View: may(page.wanted) ? View : Refused, title: ([, name]) => name ?? page.name };
}

/** A page that the role is not enough for. */
function Refused({ path }: PageProps) {
  const page = navigation.find((entry) => entry.path === path[0]);
  return (
    <>
      <PageHead title={page?.name} />
      <Empty icon="info">
        <p>
          This page is for the role {page?.wanted}; yours is {session.value?.role}. <a href="#/">To the overview</a>
        </p>
      </Empty>
    </>
  );
}

function Nowhere() {
  return (
    <>
      <PageHead title="Not found" />
      <Empty>
        <p>
          There is no such page. <a href="#/">To the overview</a>
        </p>
      </Empty>
    </>
  );
}
