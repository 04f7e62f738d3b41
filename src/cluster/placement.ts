/** A branch that a new instance may be given to. */
export interface Candidate {
  readonly id: string;
  /** How many it has, those on their way among them. */
  readonly instances: number;
  /** Load average of the last minute for each processor. */
  readonly load: number;
}

/** Below it, loads do not differ: an average moves that much by itself. */
const LOAD_STEP = 0.5;

/** The branch with the fewest instances; among those with as few the least loaded, then any. Undefined where there is none. */
export function choose(candidates: readonly Candidate[], random: () => number): string | undefined {
  const least = candidates.filter(({ instances }) => instances === Math.min(...candidates.map((one) => one.instances)));
  const step = ({ load }: Candidate) => Math.floor(load / LOAD_STEP);
  const calm = least.filter((one) => step(one) === Math.min(...least.map(step)));
  return calm[Math.floor(random() * calm.length)]?.id;
}
