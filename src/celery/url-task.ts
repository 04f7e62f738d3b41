import { URL_TASK, withoutUserinfo, type UrlRequest } from "../domain/task.ts";
import type { TaskMessage } from "./task-message.ts";

/** The message of a URL task: the arguments of `webhook` in webhook/cyme_webhook.py. */
export function urlTaskMessage(id: string, { method, url, headers, body }: UrlRequest): TaskMessage {
  return {
    id,
    task: URL_TASK,
    args: [],
    kwargs: { url, method, headers, body: body?.content ?? null, is_base64: body?.isBase64 ?? false },
    argsRepr: "()",
    // As Python would show it, without body and password: it goes to every watcher of events.
    kwargsRepr: `{'url': '${withoutUserinfo(url)}', 'method': '${method}'}`,
  };
}
