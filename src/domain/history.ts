/** One thing that the supervisor did to an instance. */
export interface HistoryEntry {
  readonly atMs: number;
  readonly did: string;
  readonly why: string;
  readonly evidence: Record<string, unknown>;
}
