/** The package `cyme`: what a program can do with a cluster, over the HTTP API of its branches. */
export { CymeError, type ErrorCode, type Facts } from "../domain/errors.ts";
export type { Role } from "../domain/access.ts";
export type { Verb } from "../domain/task.ts";
export type { TaskListOptions } from "./calls/tasks.ts";
export { Client, type AuditOptions, type ClientOptions, type RequestOptions } from "./client.ts";
export {
  isConflict,
  isForbidden,
  isInternal,
  isInvalid,
  isNotFound,
  isTimeout,
  isTooLarge,
  isUnauthorized,
  isUnavailable,
  isWorkerFailed,
  type CymeErrorOf,
} from "./errors.ts";
export type { App, AppSections } from "./models/app.ts";
export type { Branch } from "./models/branch.ts";
export type { Instance, LogOptions } from "./models/instance.ts";
export type { CallOptions, Nowait, Waiting, WriteOptions } from "./models/link.ts";
export type { Queue } from "./models/queue.ts";
export type { AppSettings, InstanceSettings, Named, QueueSettings } from "./models/settings.ts";
export type { NamedTaskSettings, Task, UrlTaskSettings } from "./models/task.ts";
export type { ClientRequest, ClientResponse, Transport } from "./transport.ts";
export type * from "./types.ts";
