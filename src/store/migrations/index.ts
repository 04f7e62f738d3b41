import m0000 from "./0000_init.sql" with { type: "text" };
import m0001 from "./0001_add_tasks.sql" with { type: "text" };
import m0002 from "./0002_add_cluster.sql" with { type: "text" };
import m0003 from "./0003_add_recycling.sql" with { type: "text" };
import m0004 from "./0004_add_access.sql" with { type: "text" };

/** In the order in which they are applied. A tag, once landed, is never renamed, nor is its SQL changed. */
export const migrations: readonly { tag: string; sql: string }[] = [
  { tag: "0000_init", sql: m0000 },
  { tag: "0001_add_tasks", sql: m0001 },
  { tag: "0002_add_cluster", sql: m0002 },
  { tag: "0003_add_recycling", sql: m0003 },
  { tag: "0004_add_access", sql: m0004 },
];
