import type { LogLevel } from "../kit/log.ts";

/** What `cyme branch` was asked for, checked as far as words go; files and addresses are tried by the branch. */
export interface BranchOptions {
  /** An IPv6 address is without brackets. */
  readonly host: string;
  /** 0 is any free one. */
  readonly port: number;
  /** Without it the branch uses its stored id, or makes one. */
  readonly id?: string | undefined;
  /** URL with its password: never to be logged. */
  readonly broker: string;
  readonly instanceDir: string;
  readonly numc: number;
  readonly supIntervalS: number;
  readonly withoutHttpd: boolean;
  readonly loglevel: LogLevel;
  readonly logfile?: string | undefined;
  /** A log file that would become larger is set aside. */
  readonly logMaxBytes: number;
  readonly detach: boolean;
  readonly pidfile?: string | undefined;
  /** Words as a shell splits them. */
  readonly command: string;
  /** `n/s`, `n/m` or `n/h`, n from 1. */
  readonly restartMaxRate: string;
  /** After so long an instance that died too often is enabled again; 0 for never. */
  readonly retryDisabledS: number;
  readonly waitAfterBrokerRevivedS: number;
  readonly unresponsiveAfterS: number;
  readonly webhookAllow: readonly string[];
  /** How long states and results of tasks are kept. */
  readonly resultExpiresS: number;
  readonly allowedHost: readonly string[];
  readonly corsOrigin?: string | undefined;
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
  readonly tlsCa?: string | undefined;
  readonly maxBodyBytes: number;
  readonly insecure: boolean;
}
