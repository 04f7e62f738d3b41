/** They end a process that does not listen to them before it can give its terminal back, as Bun does when it exits. */
const SIGNALS = ["SIGHUP", "SIGQUIT"] as const;

/** Has them call `listener` instead; gives what ends that. */
export function onTerminalSignals(listener: () => void): () => void {
  for (const name of SIGNALS) process.on(name, listener);
  return () => {
    for (const name of SIGNALS) process.off(name, listener);
  };
}
