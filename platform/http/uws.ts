import uws, {
  type HttpRequest,
  type HttpResponse,
  type TemplatedApp,
  type us_listen_socket,
  type WebSocket,
} from 'uWebSockets.js';
import { StartupError } from '../lifecycle/startup-error.ts';
import type { TlsFiles } from './tls-files.ts';

/** The only place that imports uWebSockets.js; see docs/adr/0001-uwebsockets-alias.md. */
export type { HttpRequest, HttpResponse, TemplatedApp, WebSocket };
export type ListenSocket = us_listen_socket;

/** uWS's LIBUS_LISTEN_EXCLUSIVE_PORT, which the type declarations place elsewhere. */
const LISTEN_EXCLUSIVE_PORT = 1;
const LISTEN_SHARED_PORT = 0;

/** For the option `compression` of a WebSocket route: one compressor for all sockets, or none. */
export function compressionOf(isOn: boolean): number {
  return isOn ? uws.SHARED_COMPRESSOR : uws.DISABLED;
}

/** @param tls undefined for plain HTTP and WebSocket */
export function createApp(tls?: TlsFiles): TemplatedApp {
  if (typeof uws.App !== 'function' || !/\[native code\]/.test(Function.prototype.toString.call(uws.App))) {
    throw new StartupError(
      'uWebSockets.js is not the native binding; install the version that package.json names with "npm ci".',
    );
  }
  if (tls === undefined) return uws.App();
  return uws.SSLApp({
    cert_file_name: tls.certPath,
    key_file_name: tls.keyPath,
    ...(tls.clientCaPath !== undefined && { ca_file_name: tls.clientCaPath }),
  });
}

/** uWebSockets sets SO_REUSEPORT, so that a second server would silently share the port: ours asks for it alone. */
export async function listenExclusively(
  app: TemplatedApp,
  host: string,
  port: number,
  setting: string,
): Promise<ListenSocket> {
  const socket = await listenOn(app, host, port, LISTEN_EXCLUSIVE_PORT);
  if (socket === false) {
    throw new StartupError(
      `Port ${port} on ${host} is in use or not ours to take. Stop what uses it, or set ${setting}.`,
    );
  }
  return socket;
}

/** Listens beside others of this process; the port must have been listened to exclusively before. */
export async function listenShared(app: TemplatedApp, host: string, port: number): Promise<ListenSocket> {
  const socket = await listenOn(app, host, port, LISTEN_SHARED_PORT);
  if (socket === false) throw new Error(`cannot listen on port ${port} on ${host}`);
  return socket;
}

function listenOn(app: TemplatedApp, host: string, port: number, options: number): Promise<ListenSocket | false> {
  return new Promise((resolve) => {
    // Host, port and options together work and are missing from the type declarations.
    const listen: unknown = Reflect.get(app, 'listen');
    if (typeof listen !== 'function') throw new Error('this uWebSockets app cannot listen');
    Reflect.apply(listen, app, [host, port, options, resolve]);
  });
}

export function stopListening(socket: ListenSocket): void {
  uws.us_listen_socket_close(socket);
}

/** Address of the peer, as text; empty when the connection is gone. */
export function remoteAddressOf(response: HttpResponse): string {
  return Buffer.from(response.getRemoteAddressAsText()).toString('latin1');
}

/** The first parameter of the route; empty when it has none. */
export function pathParameterOf(request: HttpRequest): string {
  // Declared as always a string.
  const parameter: unknown = request.getParameter(0);
  return typeof parameter === 'string' ? parameter : '';
}

/** The query string, or undefined when the target has no question mark; "?" alone is an empty query. */
export function queryOf(request: HttpRequest): string | undefined {
  // Declared as always a string; it is undefined when there is no question mark.
  const query: unknown = request.getQuery();
  return typeof query === 'string' ? query : undefined;
}
