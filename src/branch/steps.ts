import { brokerLabel, type Broker } from "../domain/broker.ts";

/** What a daemon that starts may still wait for. */
export interface Awaited {
  readonly brokers: {
    inUse(): readonly { readonly broker: Broker; readonly link: { readonly state: { is: string } } }[];
  };
  readonly cluster: { readonly busState: { readonly is: string } | undefined };
  readonly controller: {
    readonly live: {
      wishes(): { readonly instances: readonly { readonly name: string }[] };
      seen(name: string): unknown;
    };
  };
}

/** Says to who started the daemon what is waited for; "" for nothing any more. */
export type ShowStep = (text: string) => void;

/** What a daemon that starts waits for, in words. */
export function startingStep({ brokers, cluster, controller: { live } }: Awaited): string {
  const connecting = brokers.inUse().filter(({ link }) => link.state.is === "connecting");
  const { instances } = live.wishes();
  const seen = instances.filter(({ name }) => live.seen(name) !== undefined).length;
  const waits = [
    ...connecting.map(({ broker }) => `broker ${brokerLabel(broker)}`),
    ...(cluster.busState?.is === "connecting" ? ["bus"] : []),
    ...(seen < instances.length ? [`workers (${seen} of ${instances.length} taken over)`] : []),
  ];
  return waits.length === 0 ? "starting" : `starting: waiting for ${waits.join(", ")}`;
}
