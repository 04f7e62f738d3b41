import type { Option } from "./option.ts";

export const ROLLING_OPTIONS: readonly Option[] = [{ name: "rolling", about: "Leave no queue alone meanwhile" }];

export const ROLLING_DETAILS =
  "With --rolling a stand-in consumes from before the old worker stops until the\n" +
  "new one does. Where the stand-in does not come up the old worker stays.";
