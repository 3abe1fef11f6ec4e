import { setTimeout as delay } from 'node:timers/promises';
import { fingerprintOf, explainUnusable, type TlsFiles } from '../../../platform/http/tls-files.ts';
import {
  createApp,
  listenExclusively,
  listenShared,
  stopListening,
  type ListenSocket,
  type TemplatedApp,
} from '../../../platform/http/uws.ts';
import { StartupError } from '../../../platform/lifecycle/startup-error.ts';
import type { Logger } from '../../../platform/log/logger.ts';
import type { Endpoint } from './endpoint.ts';
import { OpenConnections } from './open-connections.ts';
import { addPublicRoutes } from './public-routes.ts';

export interface HttpFrontOptions {
  readonly host: string;
  readonly port: number;
  /** The variable that sets the port, for the error when it is taken. */
  readonly portSetting: string;
  /** Undefined for plain HTTP. */
  readonly tls: TlsFiles | undefined;
  readonly createEndpoint: () => Endpoint;
  readonly unready: () => readonly string[];
  readonly log: Logger;
}

/** A server with one certificate; another certificate needs another server, on the same port. */
interface Generation {
  readonly app: TemplatedApp;
  readonly endpoint: Endpoint;
  readonly connections: OpenConnections;
  readonly listening: ListenSocket;
  /** Once it is on its way out. */
  retired?: Promise<void>;
}

const CHECK_CERTIFICATE_EVERY_MS = 2000;
/**
 * How long connections stay open for a last request when a server stops. A close from our side can meet a request on its
 * way; a device that sends every second is told by a reply to connect anew.
 */
const LAST_REQUESTS_MS = 1500;
/** A TLS connection that is closed in the turn of its last reply loses it; 50 ms are enough, and nobody waits for more. */
const LINGER_MS = 100;

/** The public port. A renewed certificate is taken up by a second server beside the first, which then finishes what it has. */
export class HttpFront {
  readonly #options: HttpFrontOptions;
  readonly #generations = new Set<Generation>();
  #timer: NodeJS.Timeout | undefined;
  #fingerprint = '';
  #renewing: Promise<void> = Promise.resolve();

  constructor(options: HttpFrontOptions) {
    this.#options = options;
  }

  get inFlight(): number {
    return [...this.#generations].reduce((sum, { endpoint }) => sum + endpoint.inFlight, 0);
  }

  get connections(): number {
    return [...this.#generations].reduce((sum, { connections }) => sum + connections.count, 0);
  }

  async listen(): Promise<void> {
    const { host, port, portSetting, tls } = this.#options;
    if (tls === undefined) {
      await this.#open((app) => listenExclusively(app, host, port, portSetting));
      return;
    }
    const unusable = explainUnusable(tls);
    if (unusable !== undefined) throw new StartupError(`The TLS files cannot be used: ${unusable}.`);
    this.#fingerprint = fingerprintOf(tls);
    // Our own generations share the port, so it has to be free of others first.
    stopListening(await listenExclusively(createApp(), host, port, portSetting));
    await this.#open((app) => listenShared(app, host, port));
    this.#timer = setInterval(() => {
      this.#renewing = this.#renewing.then(() => this.#renew(tls));
    }, CHECK_CERTIFICATE_EVERY_MS);
  }

  /** Every request in flight is answered. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#renewing;
    await Promise.all([...this.#generations].map((generation) => this.#retire(generation)));
  }

  async #open(listen: (app: TemplatedApp) => Promise<ListenSocket>): Promise<void> {
    const app = createApp(this.#options.tls);
    const endpoint = this.#options.createEndpoint();
    addPublicRoutes(app, this.#options.unready);
    app.any('/*', (response, request) => endpoint.handle(response, request));
    const connections = new OpenConnections(app);
    this.#generations.add({ app, endpoint, connections, listening: await listen(app) });
  }

  #retire(generation: Generation): Promise<void> {
    return (generation.retired ??= this.#finish(generation));
  }

  async #finish(generation: Generation): Promise<void> {
    stopListening(generation.listening);
    await generation.endpoint.drain(generation.connections.none(LAST_REQUESTS_MS));
    await delay(LINGER_MS);
    generation.app.close();
    this.#generations.delete(generation);
  }

  async #renew(tls: TlsFiles): Promise<void> {
    const fingerprint = fingerprintOf(tls);
    if (fingerprint === this.#fingerprint) return;
    this.#fingerprint = fingerprint;
    const { log, host, port } = this.#options;
    const unusable = explainUnusable(tls);
    if (unusable !== undefined) {
      log.error({ reason: unusable }, 'the renewed TLS files cannot be used; the old certificate stays');
      return;
    }
    const older = [...this.#generations];
    try {
      await this.#open((app) => listenShared(app, host, port));
    } catch (error) {
      log.error({ err: error }, 'the renewed certificate could not be taken up; the old one stays');
      return;
    }
    log.info('a renewed certificate is in use');
    for (const generation of older) void this.#retire(generation);
  }
}
