/**
 * When something that every branch keeps was changed, as text that compares like time: `<ms>-<counter>-<branch>`, a hybrid
 * logical clock. The milliseconds are those of the changing branch's clock, or of the latest change that it knew where that
 * was later: so a change is always newer than what it replaced, however wrong clocks are. The counter orders changes of one
 * millisecond, and the branch id makes versions of different branches differ.
 */
export type Version = string;

const MS_DIGITS = 15;
const COUNTER_DIGITS = 6;
const MAX_COUNTER = 10 ** COUNTER_DIGITS - 1;
/** The year 3000: what claims to be later is no time. */
const MAX_MS = 32_503_680_000_000;
const VERSION = new RegExp(`^(\\d{${MS_DIGITS}})-(\\d{${COUNTER_DIGITS}})-([A-Za-z0-9][A-Za-z0-9._-]{0,63})$`);

/** The version of a change that `branch` makes at `nowMs` by its clock, later than `latest`, the latest that it knows. */
export function nextVersion(latest: Version | undefined, nowMs: number, branch: string): Version {
  const known = latest === undefined ? undefined : parseVersion(latest);
  if (!known || known.ms < nowMs) return versionText(nowMs, 0, branch);
  if (known.counter < MAX_COUNTER) return versionText(known.ms, known.counter + 1, branch);
  return versionText(known.ms + 1, 0, branch);
}

/** The parts of a version; undefined where the text is none. */
export function parseVersion(text: string): { ms: number; counter: number; branch: string } | undefined {
  const [, ms, counter, branch] = VERSION.exec(text) ?? [];
  if (ms === undefined || counter === undefined || branch === undefined || Number(ms) > MAX_MS) return undefined;
  return { ms: Number(ms), counter: Number(counter), branch };
}

/** What every version made before `ms` is less than, and every other is not. */
export const versionsBefore = (ms: number): Version => String(Math.max(0, Math.floor(ms))).padStart(MS_DIGITS, "0");

/** For how long is remembered what was deleted. A branch that was away for longer takes over what the others say. */
export const REMEMBERED_MS = 30 * 24 * 3600 * 1000;
const DAY_MS = 24 * 3600 * 1000;

/** What is older is forgotten. It moves once a day, so that branches seldom differ in it. */
export const horizonAt = (nowMs: number): Version =>
  versionsBefore(Math.floor((nowMs - REMEMBERED_MS) / DAY_MS) * DAY_MS);

/** Older than every change: of what nobody changed, and `branch` only heard of. */
export const versionOfHearsay = (branch: string): Version => versionText(0, 0, branch);

const versionText = (ms: number, counter: number, branch: string): Version =>
  `${versionsBefore(ms)}-${String(counter).padStart(COUNTER_DIGITS, "0")}-${branch}`;

/** The latest change of each branch that a change was made in the knowledge of, its own not among them. */
export type Ancestry = Readonly<Record<string, Version>>;

/** When something was last changed, and what that change knew. */
export interface Stamp {
  readonly version: Version;
  /** When it was last deleted, even where it was made again since; equal to `version` where it is deleted now. */
  readonly deletedVersion: Version | null;
  readonly ancestry: Ancestry;
}

/** The stamp of a change at `version` to what had the stamp `before`. Ancestors below `horizon` are forgotten. */
export function changedStamp(before: Stamp | undefined, version: Version, horizon: Version): Stamp {
  const deletedVersion = before?.deletedVersion ?? null;
  return { version, deletedVersion, ancestry: before ? ancestryWith(before, {}, horizon) : {} };
}

/** The same for a deletion. */
export function deletedStamp(before: Stamp | undefined, version: Version, horizon: Version): Stamp {
  return { ...changedStamp(before, version, horizon), deletedVersion: version };
}

/** Whether the change of `later` was made by who knew that of `earlier`, or is the same. */
export function descends(later: Stamp, earlier: Stamp): boolean {
  if (later.version === earlier.version) return true;
  const branch = parseVersion(earlier.version)?.branch;
  const known = branch === undefined ? undefined : later.ancestry[branch];
  return later.version > earlier.version && known !== undefined && known >= earlier.version;
}

/** Two stamps of one thing as one: the newer change, the newest deletion, and the knowledge of both. */
export function mergedStamp(a: Stamp, b: Stamp, horizon: Version): Stamp {
  const [newer, older] = a.version >= b.version ? [a, b] : [b, a];
  const deletions = [a.deletedVersion, b.deletedVersion].filter((version) => version !== null);
  return {
    version: newer.version,
    deletedVersion: deletions.toSorted().at(-1) ?? null,
    ancestry: newer.version === older.version ? newer.ancestry : ancestryWith(older, newer.ancestry, horizon),
  };
}

/** `ancestry` with a change and its ancestors. */
function ancestryWith({ version, ancestry: older }: Stamp, ancestry: Ancestry, horizon: Version): Ancestry {
  const merged: Record<string, Version> = { ...ancestry };
  const branch = parseVersion(version)?.branch;
  const dots = [...Object.entries(older), ...(branch === undefined ? [] : [[branch, version] as const])];
  for (const [id, known] of dots) if (known > (merged[id] ?? "")) merged[id] = known;
  return Object.fromEntries(Object.entries(merged).filter(([, known]) => known >= horizon));
}
