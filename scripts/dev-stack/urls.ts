const ANY_ADDRESS: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '[::1]' };

/** How a client on this machine reaches what listens there. */
export function listenUrl(scheme: 'http' | 'ws', host: string, port: number): string {
  const reachable = ANY_ADDRESS[host] ?? (host.includes(':') ? `[${host}]` : host);
  return `${scheme}://${reachable}:${port}`;
}
