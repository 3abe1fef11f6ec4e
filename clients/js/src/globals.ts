/** What the client needs of the place it runs in: browsers, React Native and Node 22 have all of it. */
export interface WebSocketLike {
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(data: string): void;
  close(code?: number, reason?: string): void;
}

export type WebSocketConstructor = new (url: string, protocols?: string[]) => WebSocketLike;

export type TimerId = unknown;

interface Globals {
  readonly WebSocket?: WebSocketConstructor;
  readonly fetch?: (
    url: string,
    init: { readonly headers: Readonly<Record<string, string>> },
  ) => Promise<{ readonly ok: boolean; readonly status: number; json(): Promise<unknown>; text(): Promise<string> }>;
  readonly console: { error(error: unknown): void };
  readonly reportError?: (error: unknown) => void;
  setTimeout(callback: () => void, ms: number): TimerId;
  clearTimeout(id: TimerId): void;
  readonly addEventListener?: (type: string, listener: () => void) => void;
  readonly removeEventListener?: (type: string, listener: () => void) => void;
}

// The package has the types of no environment: each has others.
export const globals = globalThis as unknown as Globals;
