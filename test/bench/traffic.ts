import type { Rabbit } from "../harness/rabbit.ts";

/** What a broker has carried so far. */
export interface Carried {
  /** By the broker's clock. */
  readonly atMs: number;
  /** Messages that it got, and copies of them that it gave to consumers. */
  readonly received: number;
  readonly delivered: number;
  /** On all connections that are open, both ways, acknowledgements and the like among them. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly connections: number;
}

/*
 * The broker counts messages by protocol, whoever sent them, and bytes by connection. One call for all of it.
 */
const COUNT = `
  Sum = fun(Key) -> lists:sum([maps:get(Key, M, 0) || M <- maps:values(rabbit_global_counters:overview())]) end,
  Connections = rabbit_networking:connection_info_all([recv_oct, send_oct]),
  Bytes = fun(Key) -> lists:sum([N || C <- Connections, N <- [proplists:get_value(Key, C)], is_integer(N)]) end,
  [erlang:monotonic_time(millisecond), Sum(messages_received_total),
   Sum(messages_delivered_total), Bytes(recv_oct), Bytes(send_oct), length(Connections)]`;

export async function carried({ evaluate }: Pick<Rabbit, "evaluate">): Promise<Carried> {
  const numbers = JSON.parse(await evaluate(COUNT)) as number[];
  const [atMs = 0, received = 0, delivered = 0, bytesIn = 0, bytesOut = 0, connections = 0] = numbers;
  return { atMs, received, delivered, bytesIn, bytesOut, connections };
}

/** A second of what was carried between two moments. */
export interface Traffic {
  readonly seconds: number;
  readonly received: number;
  readonly delivered: number;
  /** Both ways. */
  readonly bytes: number;
}

export function between(from: Carried, to: Carried): Traffic {
  const seconds = (to.atMs - from.atMs) / 1000;
  const each = (read: (carried: Carried) => number) => (read(to) - read(from)) / seconds;
  return {
    seconds,
    received: each(({ received }) => received),
    delivered: each(({ delivered }) => delivered),
    bytes: each(({ bytesIn, bytesOut }) => bytesIn + bytesOut),
  };
}
