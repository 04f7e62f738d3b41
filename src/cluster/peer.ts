/** A branch, and the digest that it tells of what it knows; undefined where it tells none. */
export interface Told {
  readonly id: string;
  readonly digest: string | undefined;
  /** When it last told so. */
  readonly heardMs: number;
}

/**
 * Finds who knows something else for longer than what is on its way takes: after a difference was seen the other has told it once
 * more. With many branches heartbeats are rare, so that the last one of each is older than most changes.
 */
export class Differences {
  #seen = new Map<string, { readonly pair: string; readonly heardMs: number }>();

  /** Those of `others` that have differed from `own` since an earlier look. */
  lasting(own: string, others: readonly Told[]): Told[] {
    const before = this.#seen;
    this.#seen = new Map();
    return others.filter(({ id, digest, heardMs }) => {
      if (digest === undefined || digest === own) return false;
      const pair = `${own} ${digest}`;
      const seen = before.get(id);
      const isSame = seen?.pair === pair;
      this.#seen.set(id, isSame ? seen : { pair, heardMs });
      return isSame && heardMs > seen.heardMs;
    });
  }
}

/**
 * With whom of `lasting` a branch exchanges what it knows; undefined where others come to it. Those of whom there are fewer come
 * to one of those of whom there are more: so one that missed something asks one, and is not asked by all.
 */
export function choosePeer(
  own: string,
  others: readonly Told[],
  lasting: readonly Told[],
  random: () => number,
): Told | undefined {
  const sizes = sizesOf(others);
  const ownSize = 1 + (sizes.get(own) ?? 0);
  const peer = oneOfMost(lasting, others, random);
  if (peer?.digest === undefined) return undefined;
  const size = sizes.get(peer.digest) ?? 0;
  return size > ownSize || (size === ownSize && own < peer.digest) ? peer : undefined;
}

/** Whom a branch that has just come asks what there is to know. */
export function choosePeerToMeet(own: string, others: readonly Told[], random: () => number): Told | undefined {
  const differing = others.filter(({ digest }) => digest !== undefined && digest !== own);
  return oneOfMost(differing, others, random);
}

/** One of those of `from` who know what most of `others` know. */
export function oneOfMost(from: readonly Told[], others: readonly Told[], random: () => number): Told | undefined {
  const sizes = sizesOf(others);
  const sizeOf = ({ digest }: Told) => (digest === undefined ? 0 : (sizes.get(digest) ?? 0));
  const most = Math.max(...from.map(sizeOf));
  const [first] = from.filter((told) => sizeOf(told) === most).toSorted((a, b) => (digestOf(a) < digestOf(b) ? -1 : 1));
  const candidates = from.filter(({ digest }) => digest === first?.digest);
  return candidates[Math.floor(random() * candidates.length)];
}

const digestOf = ({ digest }: Told) => digest ?? "";

function sizesOf(others: readonly Told[]): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const { digest } of others) if (digest !== undefined) sizes.set(digest, (sizes.get(digest) ?? 0) + 1);
  return sizes;
}
