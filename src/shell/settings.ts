/** What a shell is told when it is started; it holds secrets, so that it is told over a pipe. */
export interface ShellSettings {
  readonly url: string;
  readonly token?: string | undefined;
  /** PEM texts. */
  readonly tls?:
    | { readonly ca?: string | undefined; readonly cert?: string | undefined; readonly key?: string | undefined }
    | undefined;
  /** The app that `instances` and `queues` are of. */
  readonly app?: string | undefined;
  readonly timeoutS?: number | undefined;
  /** Where it was started. */
  readonly cwd: string;
  /** The file that keeps what is typed; none where nothing is to be kept. */
  readonly history?: string | undefined;
  /** Whether results and errors of a script are JSON, on one line each. */
  readonly isJson: boolean;
  readonly version: string;
}
