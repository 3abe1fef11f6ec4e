const ANY_ADDRESS: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '[::1]' };

/** For clients that have a login of their own, and for people. */
export function withoutLogin(url: string): string {
  const parsed = new URL(url);
  parsed.username = '';
  parsed.password = '';
  return parsed.href;
}

/** How a client on this machine reaches what listens there. */
export function listenUrl(scheme: 'http' | 'ws', host: string, port: number): string {
  const reachable = ANY_ADDRESS[host] ?? (host.includes(':') ? `[${host}]` : host);
  return `${scheme}://${reachable}:${port}`;
}
