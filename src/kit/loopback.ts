/** Whether it is this machine, for this machine alone: `localhost`, or an address of the loopback, IPv6 without brackets. */
export const isLoopback = (host: string) => host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
