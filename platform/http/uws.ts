import uws, {
  type HttpRequest,
  type HttpResponse,
  type TemplatedApp,
  type us_listen_socket,
  type WebSocket,
} from 'uWebSockets.js';
import { StartupError } from '../lifecycle/startup-error.ts';

/** The only place that imports uWebSockets.js; see docs/adr/0001-uwebsockets-alias.md. */
export type { HttpRequest, HttpResponse, TemplatedApp, WebSocket };
export type ListenSocket = us_listen_socket;

/** uWS's LIBUS_LISTEN_EXCLUSIVE_PORT, which the type declarations place elsewhere. */
const LISTEN_EXCLUSIVE_PORT = 1;

export function createApp(): TemplatedApp {
  if (typeof uws.App !== 'function' || !/\[native code\]/.test(Function.prototype.toString.call(uws.App))) {
    throw new StartupError(
      'uWebSockets.js is not the native binding; install the version that package.json names with "npm ci".',
    );
  }
  return uws.App();
}

/** uWebSockets sets SO_REUSEPORT, so that a second server would silently share the port: ours asks for it alone. */
export async function listenExclusively(
  app: TemplatedApp,
  host: string,
  port: number,
  setting: string,
): Promise<ListenSocket> {
  const socket = await new Promise<ListenSocket | false>((resolve) => {
    // Host, port and options together work and are missing from the type declarations.
    const listen: unknown = Reflect.get(app, 'listen');
    if (typeof listen !== 'function') throw new Error('this uWebSockets app cannot listen');
    Reflect.apply(listen, app, [host, port, LISTEN_EXCLUSIVE_PORT, resolve]);
  });
  if (socket === false) {
    throw new StartupError(
      `Port ${port} on ${host} is in use or not ours to take. Stop what uses it, or set ${setting}.`,
    );
  }
  return socket;
}

export function stopListening(socket: ListenSocket): void {
  uws.us_listen_socket_close(socket);
}

/** The query string, or undefined when the target has no question mark; "?" alone is an empty query. */
export function queryOf(request: HttpRequest): string | undefined {
  // Declared as always a string; it is undefined when there is no question mark.
  const query: unknown = request.getQuery();
  return typeof query === 'string' ? query : undefined;
}
