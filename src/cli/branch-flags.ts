import { LOGLEVELS, type Option } from "./option.ts";

/** The options of `cyme branch`; branch-options.ts gives them their meaning. */
export const BRANCH_OPTIONS: readonly Option[] = (
  [
    { name: "id", short: "i", value: "id", about: "Its id; else generated once and kept" },
    {
      name: "broker",
      short: "b",
      value: "url",
      about: "Default broker; better the variable: ps shows this",
      default: "amqp://guest:guest@127.0.0.1:5672//",
    },
    {
      name: "instance-dir",
      short: "D",
      value: "dir",
      about: "Where store, logs and workers live",
      default: "instances",
      takes: "folder",
    },
    {
      name: "numc",
      short: "C",
      value: "n",
      about: "Connections that share what other branches ask",
      default: "2",
    },
    { name: "sup-interval", value: "seconds", about: "How often the supervisor looks around", default: "5" },
    { name: "without-httpd", about: "Serve no HTTP, only branch.sock" },
    { name: "without-http", about: "The same" },
    {
      name: "loglevel",
      short: "l",
      value: "level",
      about: "DEBUG, INFO, WARNING, ERROR or CRITICAL",
      default: "INFO",
      choices: LOGLEVELS,
    },
    { name: "logfile", short: "f", value: "file", about: "Log file; else standard error", takes: "file" },
    {
      name: "log-max-size",
      value: "bytes",
      about: "A log file this large is set aside, five are kept",
      default: "100M",
    },
    { name: "detach", about: "Run in the background, log in branch.log" },
    { name: "pidfile", value: "file", about: "Write the process id there too", takes: "file" },
    { name: "command", value: "command", about: "How to call Celery", default: "celery" },
    {
      name: "restart-max-rate",
      value: "n/m",
      about: "How often it may die: n/s, n/m or n/h",
      default: "1/m",
    },
    {
      name: "retry-disabled",
      value: "seconds",
      about: "Enable what died too often again; 0: never",
      default: "0",
    },
    {
      name: "wait-after-broker-revived",
      value: "seconds",
      about: "No restart for silence so soon after an outage",
      default: "35",
    },
    {
      name: "unresponsive-after",
      value: "seconds",
      about: "A worker silent for so long is restarted",
      default: "60",
    },
    {
      name: "webhook-allow",
      value: "pattern",
      about: "Host or network for URL tasks; may be repeated",
      multiple: true,
    },
    {
      name: "result-expires",
      value: "seconds",
      about: "How long results of tasks are kept",
      default: "86400",
    },
    { name: "allowed-host", value: "name", about: "Host name to answer to; may be repeated", multiple: true },
    { name: "cors-origin", value: "origin", about: "Web site that may call the API" },
    { name: "tls-cert", value: "file", about: "Serve HTTPS with this certificate", takes: "file" },
    { name: "tls-key", value: "file", about: "Key of the certificate", takes: "file" },
    { name: "tls-ca", value: "file", about: "Authority of client certificates", takes: "file" },
    { name: "max-body", value: "bytes", about: "Largest request body, also 512k or 10M", default: "10M" },
    { name: "insecure", about: "Allow an address beyond this machine without users" },
  ] as const satisfies readonly Option[]
).map((option) => ({ ...option, variable: `CYME_${option.name.toUpperCase().replaceAll("-", "_")}` }));
