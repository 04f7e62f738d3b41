import { CymeError, type ErrorCode } from "../domain/errors.ts";

/** A `CymeError` of one code. */
export type CymeErrorOf<Code extends ErrorCode> = CymeError & { readonly code: Code };

const guard =
  <Code extends ErrorCode>(code: Code) =>
  (error: unknown): error is CymeErrorOf<Code> =>
    error instanceof CymeError && error.code === code;

/** A parameter is wrong: the facts `parameter` and `wanted` say which and what it should be. */
export const isInvalid = guard("invalid");
/** No credentials, or wrong ones. */
export const isUnauthorized = guard("unauthorized");
/** The role does not allow it. */
export const isForbidden = guard("forbidden");
/** There is no such app, instance, queue, branch, user or token: the fact of that name says which. */
export const isNotFound = guard("not-found");
/** The worker, a branch or the branch itself did not answer in time. */
export const isTimeout = guard("timeout");
/** It exists already, differs, is owned elsewhere, is not running, or the broker refuses it. */
export const isConflict = guard("conflict");
/** More than the branch takes. */
export const isTooLarge = guard("too-large");
/** The worker ended before it first answered: the fact `log` has its last lines. */
export const isWorkerFailed = guard("worker-failed");
/** The broker or the owning branch is away, or nobody could be reached (then there is the fact `reached`). */
export const isUnavailable = guard("unavailable");
/** The branch, or the client, is broken, or what answered is no branch. */
export const isInternal = guard("internal");
