import type { Branch, Instance, Queue } from "./api/types.ts";

/* Things as the branch tells of them, for tests. */

export function instance(name: string, fields: Partial<Instance> = {}): Instance {
  return {
    name,
    app: "shop",
    branch: "rack1",
    is_enabled: true,
    queues: [],
    broker: { scheme: "amqp", hostname: "127.0.0.1", port: 5672, userid: "guest", password: null, virtual_host: "/" },
    max_concurrency: 1,
    min_concurrency: 1,
    pool: "prefork",
    arguments: null,
    extra_config: null,
    command: null,
    cwd: null,
    env: null,
    stop_timeout: null,
    restart_max_rate: null,
    user: null,
    max_memory: null,
    max_age: null,
    created_at: "2026-01-01T00:00:00.000Z",
    state: "running",
    pid: 1,
    standin_pid: null,
    since: "2026-01-01T00:00:00.000Z",
    restarts: 0,
    disabled_reason: null,
    why: null,
    is_held: false,
    ...fields,
  };
}

export function queue(name: string, fields: Partial<Queue> = {}): Queue {
  return {
    app: "shop",
    name,
    exchange: name,
    exchange_type: "direct",
    routing_key: name,
    options: null,
    created_at: "2026-01-01T00:00:00.000Z",
    messages: 0,
    consumers: 1,
    ...fields,
  };
}

export function branch(id: string, fields: Partial<Branch> = {}): Branch {
  return {
    id,
    url: null,
    port: null,
    version: "1.0.0",
    loglevel: "INFO",
    logfile: null,
    numc: 2,
    sup_interval: 5,
    started_at: "2026-01-01T00:00:00.000Z",
    instances: 3,
    load_average: [1, 1, 1],
    disk_use: 10,
    is_up: true,
    ...fields,
  };
}
