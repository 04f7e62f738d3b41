/** The PEM texts of TLS: of the authority that the certificate of the branch is from, and of the client's own certificate. */
export interface Tls {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** A request as it goes out. */
export interface Outgoing {
  readonly method: string;
  /** Scheme and host, without a path. */
  readonly origin: string;
  /** Path and query, byte for byte as they are sent. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | undefined;
  readonly tls?: Tls | undefined;
  /** The socket file to connect to, instead of the host. */
  readonly unix?: string | undefined;
  readonly signal: AbortSignal;
}

/** The head of an answer, and its body, which is read by one of the two. */
export interface Incoming {
  readonly status: number;
  readonly headers: Headers;
  text(): Promise<string>;
  pieces(): AsyncIterable<Uint8Array>;
}

/** Sends one request; rejects with an error that has a `code`, or whose cause has. Follows no redirect. */
export type Carrier = (request: Outgoing) => Promise<Incoming>;
