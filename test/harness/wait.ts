/** How a wait is bounded: `timeoutMs` (30 s, for busy machines), and `what` was waited for, in words for the failure message. */
export interface Wait {
  readonly what: string;
  readonly timeoutMs?: number;
  readonly everyMs?: number;
}

/**
 * Asks `condition` again and again until it gives something other than `undefined`, `null` or `false`, and returns that.
 * An error thrown by `condition` counts as "not yet". Throws after `timeoutMs` with what was waited for and what was seen last.
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  { what, timeoutMs = 30_000, everyMs = 25 }: Wait,
): Promise<NonNullable<Exclude<T, false>>> {
  const deadlineMs = Date.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const value = await condition();
      if (value !== undefined && value !== null && value !== false) return value as NonNullable<Exclude<T, false>>;
      last = value;
    } catch (error) {
      last = error;
    }
    if (Date.now() >= deadlineMs) throw new Error(`Waited ${timeoutMs} ms for ${what}; seen last: ${shown(last)}`);
    await Bun.sleep(everyMs);
  }
}

function shown(value: unknown): string {
  return value instanceof Error ? value.message : (JSON.stringify(value) ?? String(value));
}
