/** Names that only a branch knows, by what they are names of. */
export type LiveKind =
  | "app"
  | "instance"
  | "queue"
  /** Queues separated by commas. */
  | "queues"
  /** What a task can be sent to. */
  | "task-queue"
  /** What the instance before it consumes from. */
  | "consumed-queue"
  | "branch"
  /** A branch that does not answer. */
  | "lost-branch"
  | "task"
  | "user"
  | "token";

/** What a value or an argument is, for completion: live names, what the shell itself knows, or some usual words. */
export type Takes = LiveKind | "file" | "folder" | "system-user" | "command" | readonly string[];
