/** Where what a document names lies while the document is run. */
export interface Places {
  /** The folder that stands for `/`, for the paths below. */
  readonly root: string;
  /** What listens on 8000, 8001, … in the document. */
  readonly ports: Readonly<Record<number, number>>;
  /** AMQP URL with a virtual host of its own: the document's `amqp://guest:guest@127.0.0.1:5672//`. */
  readonly broker: string;
  readonly hostname: string;
}

/** What documents write to and read from; all other paths are what they are on every machine. */
const OWN_PATHS =
  /(?<![\w.~}$/-])\/(?=(?:srv|backup|var\/lib\/cyme|var\/log\/cyme|etc\/cyme|etc\/systemd|etc\/logrotate\.d|usr\/local)\b)/g;
const BROKER = "amqp://guest:guest@127.0.0.1:5672//";

/** A command of the document as it is to be run, with the words that were learned from what was printed before. */
export function toReal(text: string, places: Places, learned: ReadonlyMap<string, string>): string {
  let real = text.replaceAll(BROKER, places.broker).replaceAll(OWN_PATHS, `${places.root}/`);
  real = real.replaceAll(/(https?:\/\/)machine\d(?=:\d)/g, "$1localhost");
  real = real.replaceAll(/(?<=:|^|\s)(\d{4,5})(?![\w.])/g, (port) => String(places.ports[Number(port)] ?? port));
  // The longest first: one word may be part of another.
  for (const [word, value] of [...learned].toSorted(([a], [b]) => b.length - a.length)) {
    real = real.replaceAll(
      new RegExp(`(?<![\\w-])${word.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")}(?![\\w-])`, "g"),
      () => value,
    );
  }
  return real;
}

/** What was printed, as the document would show it. */
export function toDocumented(text: string, { root, ports, broker, hostname }: Places): string {
  const { port, pathname } = new URL(broker);
  // Ids of branches begin with it, and the URL of one that listens everywhere; elsewhere a short name may be a part of any word.
  const host = hostname.replaceAll(/[^\w.-]/g, "-").replaceAll(".", "\\.");
  let shown = text
    .replaceAll(root, "")
    .replaceAll(
      new RegExp(`(?<![\\w-])${host.slice(0, 50)}(?=-[0-9a-f]{8}\\b)|(?<=//)${host}(?=:\\d)`, "g"),
      "machine1",
    );
  shown = shown.replaceAll(pathname.slice(1), "/");
  for (const [documented, real] of [...Object.entries(ports), ["5672", Number(port)] as const]) {
    shown = shown.replaceAll(new RegExp(`(?<!\\d)${real}(?!\\d)`, "g"), documented);
  }
  return shown;
}
