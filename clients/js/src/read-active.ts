import { globals } from './globals.ts';
import type { ActiveAlerts, AlertFilter } from './messages.ts';

/** `GET /v1/alerts/active` of the server whose sockets are at `ws://…/ws/alerts`. Rejects when it does not answer. */
export async function readActive(
  socketUrl: string,
  filters: readonly AlertFilter[] | undefined,
  token: string | undefined,
): Promise<ActiveAlerts> {
  if (globals.fetch === undefined) throw new Error('There is no fetch here.');
  const path = socketUrl.replace(/^ws/, 'http').replace(/\/ws\/alerts.*$/, '/v1/alerts/active');
  const url = filters === undefined ? path : `${path}?filters=${encodeURIComponent(JSON.stringify(filters))}`;
  const response = await globals.fetch(url, {
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  });
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${(await response.text()).trim()}`);
  return (await response.json()) as ActiveAlerts;
}
